//! `rushes serve`.

use crate::{
    arguments::Serve,
    log, parent,
    settings::{DEFAULT_PORT, Settings},
    signals::exit_on_second_signal,
};
use anyhow::{Context, Result, bail};
use rushes_api::{Server, TlsFiles};
use rushes_engine::{
    Engine,
    door::{self, LocalKey},
    instance::Instance,
};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};
use tokio::{
    signal::unix::{SignalKind, signal as on_signal},
    sync::oneshot,
    task::spawn_blocking,
};

/// Serves until SIGINT or SIGTERM; a second signal ends the process at once.
pub fn run(mut settings: Settings, arguments: Serve) -> Result<ExitCode> {
    settings.engine.roots.extend(arguments.roots.iter().cloned());
    settings.engine.make_home()?;
    let mut instance = Instance::take(&settings.engine.home)?;
    log::start_for_server(&settings.engine.home)?;
    if let Some(error) = instance.not_locked() {
        tracing::warn!(%error, "the home folder cannot be locked against a second server");
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(serve(settings, arguments, &mut instance))?;
    // Blocking calls that a cancelled request left behind must not hold the process.
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

async fn serve(settings: Settings, arguments: Serve, instance: &mut Instance) -> Result<()> {
    // First of all: a signal that comes before anybody listens for it would only count as the first.
    let stop_is_wanted = reasons_to_stop(&arguments)?;
    exit_on_second_signal()?;
    let key = door::local_key(&settings.engine)?;
    let engine = Engine::open(settings.engine)?;
    let host = arguments.host.or(settings.host);
    let certificate = arguments.tls_cert.or(settings.tls_cert);
    let server = Server::bind(
        engine.clone(),
        &rushes_api::Settings {
            host: host.map_or_else(|| "localhost".to_owned(), |host| host.to_string()),
            port: arguments.port.or(settings.port).unwrap_or(DEFAULT_PORT),
            hosts: settings.hosts,
            origins: [settings.origins, arguments.origins].concat(),
            tls: tls_files(certificate, arguments.tls_key.or(settings.tls_key))?,
            open_to_network: arguments.open_to_network,
        },
    )
    .await?;
    let address = server.address();
    instance.announce(&address)?;
    // Only now: a server that cannot be had must not take up what an earlier one left. From here on nothing may
    // return without stopping the engine.
    engine.take_charge().inspect_err(|_| engine.stop())?;
    // Nobody need be there to read it.
    let _ = io::stdout().write_all(introduction(&address, &key).as_bytes());
    let (begin_stop, stop) = oneshot::channel::<()>();
    let stopped = tokio::spawn(async move {
        stop_is_wanted.await;
        tracing::info!("stopping");
        drop(begin_stop);
        // While the server finishes its answers: decoders end at once, not after the last connection has.
        spawn_blocking(move || engine.stop()).await
    });
    server.run(async { _ = stop.await }).await;
    stopped.await.context("stopping")?.context("stopping")
}

fn tls_files(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        _ => bail!("TLS needs a certificate and its key: give both --tls-cert and --tls-key"),
    }
}

fn introduction(address: &str, key: &LocalKey) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let about_key = if key.is_new {
        format!(
            "License key of this machine, shown once: {}\n\
             It is kept in {}; `rushes license show` prints it.\n",
            key.key,
            key.path.display()
        )
    } else {
        String::new()
    };
    format!("Rushes {version} on {address}/api/v1\nDocumentation on {address}/docs\n{about_key}")
}

/// Ends when the server is to stop.
fn reasons_to_stop(arguments: &Serve) -> Result<impl Future<Output = ()> + use<>> {
    let mut interrupt = on_signal(SignalKind::interrupt()).context("SIGINT")?;
    let mut terminate = on_signal(SignalKind::terminate()).context("SIGTERM")?;
    let parent = arguments.exit_with_parent.then(|| parent::is_gone(arguments.parent_pid));
    let parent_is_gone = async {
        match parent {
            Some(is_gone) => is_gone.await,
            None => std::future::pending().await,
        }
    };
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = parent_is_gone => {}
        }
    })
}
