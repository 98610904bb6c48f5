//! One connection, from the door to its end. It holds its place among the counted ones for as long as it
//! is open.

use crate::{limits, metrics::Peer};
use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    io,
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// What a client is told for whom there is no place.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 0\r\n\
    connection: close\r\n\r\n";

/// A stream with its place. WebSockets outlive the HTTP exchange that made them, so the place belongs
/// to the stream and not to the exchange.
struct Connection<S> {
    stream: S,
    _place: OwnedSemaphorePermit,
}

/// How connections are served.
#[derive(Clone)]
pub(crate) struct Reception {
    pub(crate) router: Router,
    pub(crate) tls: Option<TlsAcceptor>,
    /// Changes when the server is to stop; held by each connection to its end.
    pub(crate) stopping: watch::Receiver<()>,
}

impl Reception {
    /// Serves a connection to its end.
    pub(crate) async fn receive(
        mut self,
        stream: TcpStream,
        peer: IpAddr,
        place: OwnedSemaphorePermit,
    ) {
        // Without it small answers wait for the client's acknowledgement; on failure they are late.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.take() else {
            return self.talk(Connection { stream, _place: place }, peer).await;
        };
        let shaken = tokio::select! {
            shaken = timeout(limits::HEAD_TIME, tls.accept(stream)) => shaken,
            _ = self.stopping.changed() => return,
        };
        match shaken {
            Ok(Ok(stream)) => self.talk(Connection { stream, _place: place }, peer).await,
            Ok(Err(error)) => tracing::debug!(%error, "a client does not speak TLS as we do"),
            Err(_) => tracing::debug!("a client did not finish its TLS handshake"),
        }
    }

    async fn talk<S>(mut self, connection: Connection<S>, peer: IpAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HEAD_TIME)
            .max_buf_size(limits::HEAD);
        let service = self.router.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request
        });
        let service = TowerToHyperService::new(service);
        let exchange = builder.serve_connection(TokioIo::new(connection), service).with_upgrades();
        let mut exchange = pin!(exchange);
        let ended = tokio::select! {
            ended = exchange.as_mut() => ended,
            _ = self.stopping.changed() => {
                exchange.as_mut().graceful_shutdown();
                exchange.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke");
        }
    }
}

/// Turns a client away; over TLS without a word, which it could not read before the handshake. `patience` is how
/// many at a time get the time to read why; the others may see a broken connection, so that this cannot be used to
/// hold the server up.
pub(crate) fn turn_away(mut stream: TcpStream, has_tls: bool, patience: &Arc<Semaphore>) {
    if has_tls {
        return;
    }
    // A client that is gone already needs no answer.
    let _ = stream.try_write(FULL);
    let Ok(place) = Arc::clone(patience).try_acquire_owned() else { return };
    tokio::spawn(async move {
        let _place = place;
        // Closing with something unread would take the answer away from the client.
        let reading = async {
            stream.shutdown().await?;
            let mut part = [0; 4096];
            while stream.read(&mut part).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(limits::TURN_AWAY_TIME, reading).await;
    });
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
