//! `rushes serve`.

use crate::{
    arguments::Serve,
    settings::{DEFAULT_PORT, Settings},
};
use anyhow::{Context, Result};
use rushes_api::Server;
use rushes_engine::{Engine, door};
use signal_hook::consts::signal;
use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};
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
    let key = door::local_key(&settings.engine)?;
    let engine = Engine::open(settings.engine)?;
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
    };
    server.run(stop).await;
    engine.stop();
    Ok(())
}

/// The first signal arms the handler that the second one then runs.
fn exit_on_second_signal() -> Result<()> {
    for number in [signal::SIGINT, signal::SIGTERM] {
        let armed = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register_conditional_shutdown(number, 1, Arc::clone(&armed))?;
        signal_hook::flag::register(number, armed)?;
    }
    Ok(())
}
