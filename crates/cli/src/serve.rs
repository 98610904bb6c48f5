//! `rushes serve`.

use crate::{
    arguments::Serve,
    settings::{DEFAULT_PORT, Settings},
    signals::exit_on_second_signal,
};
use anyhow::{Context, Result, bail};
use rushes_api::Server;
use rushes_engine::{Engine, door};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal as on_signal};

/// Serves until SIGINT or SIGTERM; a second signal ends the process at once.
pub fn run(mut settings: Settings, arguments: Serve) -> Result<ExitCode> {
    settings.engine.roots.extend(arguments.roots.iter().cloned());
    exit_on_second_signal()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(serve(settings, arguments))?;
    // Blocking calls that a cancelled request left behind must not hold the process.
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

async fn serve(settings: Settings, arguments: Serve) -> Result<()> {
    if arguments.open_to_network && settings.engine.roots.is_empty() {
        bail!(
            "--open-to-network would let whoever has a key read every file that you may read: name \
             the folders that may be read with --root"
        );
    }
    let key = door::local_key(&settings.engine)?;
    let engine = Engine::open(settings.engine)?;
    engine.take_charge()?;
    let host = arguments.host.or(settings.host);
    let server = Server::bind(
        engine.clone(),
        &rushes_api::Settings {
            host: host.map_or_else(|| "localhost".to_owned(), |host| host.to_string()),
            port: arguments.port.or(settings.port).unwrap_or(DEFAULT_PORT),
            hosts: settings.hosts,
            origins: [settings.origins, arguments.origins].concat(),
            open_to_network: arguments.open_to_network,
        },
    )
    .await?;
    println!("Rushes {} on http://localhost:{}/api/v1", env!("CARGO_PKG_VERSION"), server.port());
    println!("Documentation on http://localhost:{}/docs", server.port());
    if key.is_new {
        println!("License key of this machine, shown once: {}", key.key);
        println!("It is kept in {}; `rushes license show` prints it.", key.path.display());
    }
    let mut interrupt = on_signal(SignalKind::interrupt()).context("SIGINT")?;
    let mut terminate = on_signal(SignalKind::terminate()).context("SIGTERM")?;
    let stop = async {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        tracing::info!("stopping");
        // Decoders end at once, not after the last connection has.
        engine.stop_tasks();
    };
    server.run(stop).await;
    engine.stop();
    Ok(())
}
