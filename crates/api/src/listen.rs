//! Where a server listens, and who can reach it there.

use crate::tls::{self, TlsFiles};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Ports that are tried when any free one will do: it has to be free on both loopback addresses.
const FREE_PORT_TRIES: usize = 8;

/// Where to listen and whom to let in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `localhost` or a loopback address: both loopback addresses are bound then. Any other address
    /// needs `tls` or `open_to_network`, and an engine with roots.
    pub host: String,
    /// Port; 0 takes a free one.
    pub port: u16,
    /// More Host values to let in, with their port.
    pub hosts: Vec<String>,
    /// More Origin values to let in, such as `https://studio.example`, `file://` or `null`.
    pub origins: Vec<String>,
    /// Certificate and key: the server then speaks HTTPS and nothing else.
    pub tls: Option<TlsFiles>,
    /// Whether other machines may connect without TLS. Keys and footage then cross the network
    /// unencrypted.
    pub open_to_network: bool,
}

impl Default for Settings {
    /// This machine only, on the contract's port.
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 6699,
            hosts: Vec::new(),
            origins: Vec::new(),
            tls: None,
            open_to_network: false,
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The host is neither `localhost` nor an address.
    #[error("\"{0}\" is no address to listen on: give localhost or an IP address")]
    UnknownHost(String),
    /// The address is not this machine's own.
    #[error(
        "listening on {0} would let other machines read this machine's footage, with the license key \
         crossing the network unencrypted: use localhost, give a certificate and its key (--tls-cert, \
         --tls-key), or open the server to the network on purpose (--open-to-network)"
    )]
    NotLoopback(IpAddr),
    /// Other machines could ask for any file.
    #[error(
        "listening on {0} would let whoever has a key read every file that you may read: name the folders \
         that may be read (--root)"
    )]
    NoRoots(IpAddr),
    /// The certificate or its key cannot be used.
    #[error("{path} cannot be used for TLS: {reason}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}; is another server running? try another port")]
    Bind {
        /// Address and port.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// The bound addresses: one, or both loopback addresses.
pub(crate) struct Listeners {
    sockets: Vec<TcpListener>,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) tls: Option<TlsAcceptor>,
}

impl Listeners {
    /// Binds what the settings ask for. `has_roots` tells whether callers are kept to some folders.
    pub(crate) async fn bind(settings: &Settings, has_roots: bool) -> Result<Self, ServeError> {
        let address = address(&settings.host)?;
        if !address.is_loopback() {
            if settings.tls.is_none() && !settings.open_to_network {
                return Err(ServeError::NotLoopback(address));
            }
            if !has_roots {
                return Err(ServeError::NoRoots(address));
            }
        }
        let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?;
        let sockets = match address.is_loopback() {
            true => listen_on_loopback(settings.port).await?,
            false => vec![bind(SocketAddr::new(address, settings.port)).await?],
        };
        let addresses = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        Ok(Self { sockets, addresses, tls })
    }

    /// The port, the same on all addresses.
    pub(crate) fn port(&self) -> u16 {
        self.addresses.first().map_or(0, SocketAddr::port)
    }

    /// Whether nobody but this machine can connect.
    pub(crate) fn are_on_loopback(&self) -> bool {
        self.addresses.iter().all(|address| address.ip().is_loopback())
    }

    /// What addresses begin with.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The next connection on any of them, or why there is none.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        tokio::select! {
            accepted = accept(self.sockets.first()) => accepted,
            accepted = accept(self.sockets.get(1)) => accepted,
        }
    }
}

async fn accept(socket: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match socket {
        Some(socket) => socket.accept().await,
        None => std::future::pending().await,
    }
}

fn address(host: &str) -> Result<IpAddr, ServeError> {
    match host.trim_matches(['[', ']']) {
        "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        bare => bare.parse().map_err(|_| ServeError::UnknownHost(host.to_owned())),
    }
}

/// Binds both loopback addresses, so that nobody else can be the other half of `localhost`.
async fn listen_on_loopback(port: u16) -> Result<Vec<TcpListener>, ServeError> {
    let mut tries = if port == 0 { FREE_PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let v4 = bind((Ipv4Addr::LOCALHOST, port).into()).await?;
        let port = v4.local_addr().map_or(port, |address| address.port());
        match bind((Ipv6Addr::LOCALHOST, port).into()).await {
            Ok(v6) => return Ok(vec![v4, v6]),
            Err(ServeError::Bind { source, .. }) if is_absent(&source) => return Ok(vec![v4]),
            Err(_) if tries > 0 => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether the machine has no such address. Systems name that in several ways (no address, no address
/// family, not supported), and the two that mean something else in one.
fn is_absent(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}
