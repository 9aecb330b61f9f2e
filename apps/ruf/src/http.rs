//! `/healthz` and `/metrics` over HTTP, for probes and scrapers. Off unless the configuration says where;
//! on loopback alone unless it says `public`. The format of the figures is `metrics`' business.
//!
//! One request a connection: a probe and a scraper need no more, and nobody can hold one.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::metrics::{self, Figures};

/// Connections at once; one more is closed.
const CONNECTIONS_MAX: usize = 32;
/// How long a client may take to ask, and again to read the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets of a request, its head and what follows.
const REQUEST_BYTES_MAX: usize = 8 << 10;

/// Where the figures come from: each worker's, or `None` for one that has ended.
pub(crate) trait Source {
    /// The figures of every worker at this moment.
    fn figures(&self) -> impl Future<Output = Option<Vec<Figures>>>;
}

/// Answers until the server ends. Each client has a task of its own.
pub(crate) async fn serve<S: Source + 'static>(listener: TcpListener, source: S) {
    let source = Rc::new(source);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(place) = room.clone().try_acquire_owned() else { continue };
                let source = source.clone();
                tokio::task::spawn_local(async move {
                    // A client that is slow or gone is not answered; there is nobody to tell.
                    let _ = tokio::time::timeout(PATIENCE * 2, converse(stream, source)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "http");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse<S: Source + 'static>(stream: TcpStream, source: Rc<S>) -> Result<(), hyper::Error> {
    let service = service_fn(move |request: Request<Incoming>| {
        let source = source.clone();
        async move { Ok::<_, Infallible>(answer(request.method(), request.uri().path(), &*source).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(REQUEST_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

async fn answer(method: &Method, path: &str, source: &impl Source) -> Response<Full<Bytes>> {
    if !matches!(path, "/healthz" | "/metrics") {
        return plain(StatusCode::NOT_FOUND, "there is /healthz and /metrics\n");
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let figures = source.figures().await;
    match (path, figures) {
        (_, None) => plain(StatusCode::SERVICE_UNAVAILABLE, "stopped\n"),
        ("/metrics", Some(figures)) => {
            let mut response = plain(StatusCode::OK, metrics::text(&figures));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::MEDIA_TYPE));
            response
        }
        (_, Some(figures)) if figures.iter().any(|worker| worker.is_draining) => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        }
        (_, Some(_)) => plain(StatusCode::OK, "ok\n"),
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Draining, serving, or gone, as it is told.
    struct Told(Rc<Cell<Option<bool>>>);

    impl Source for Told {
        async fn figures(&self) -> Option<Vec<Figures>> {
            let is_draining = self.0.get()?;
            Some(vec![Figures { is_draining, gauges: vec![("bindings", 3)], ..Figures::default() }])
        }
    }

    /// The status, head and body of the answer to a request.
    async fn ask(address: SocketAddr, request: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        stream.write_all(format!("{request} HTTP/1.1\r\nHost: here\r\n\r\n").as_bytes()).await.expect("asks");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("is answered and closed");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    fn with_server<F: Future<Output = ()>>(test: impl FnOnce(SocketAddr, Rc<Cell<Option<bool>>>) -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
            let address = listener.local_addr().expect("an address");
            let state = Rc::new(Cell::new(Some(false)));
            tokio::task::spawn_local(serve(listener, Told(state.clone())));
            test(address, state).await;
        });
    }

    #[test]
    fn a_probe_learns_whether_new_calls_are_taken() {
        with_server(|address, state| async move {
            assert_eq!(ask(address, "GET /healthz").await.0, 200);
            state.set(Some(true));
            let (status, _, body) = ask(address, "GET /healthz").await;
            assert_eq!((status, body.as_str()), (503, "draining\n"));
            state.set(None);
            assert_eq!(ask(address, "GET /healthz").await.0, 503);
        });
    }

    #[test]
    fn a_scraper_gets_the_figures() {
        with_server(|address, _| async move {
            let (status, head, body) = ask(address, "GET /metrics").await;
            assert_eq!(status, 200);
            assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
            assert_eq!(metrics::tests::read(&body)["ruf_bindings{worker=\"0\"}"], 3);
            assert_eq!(ask(address, "HEAD /metrics").await.2, "");
        });
    }

    #[test]
    fn anything_else_is_refused() {
        with_server(|address, _| async move {
            assert_eq!(ask(address, "GET /").await.0, 404);
            let (status, head, _) = ask(address, "POST /metrics").await;
            assert_eq!(status, 405);
            assert!(head.contains("allow: get, head"), "{head}");
            assert_eq!(ask(address, &format!("GET /{}", "x".repeat(REQUEST_BYTES_MAX))).await.0, 431);
        });
    }

    #[test]
    fn clients_that_say_nothing_are_bounded() {
        with_server(|address, _| async move {
            let mut silent = Vec::new();
            for _ in 0..CONNECTIONS_MAX {
                silent.push(TcpStream::connect(address).await.expect("connects"));
            }
            // The one too many is closed without a word.
            let mut late = TcpStream::connect(address).await.expect("connects");
            let mut text = Vec::new();
            // Closed or reset: either way nothing comes.
            let _ = late.read_to_end(&mut text).await;
            assert!(text.is_empty());
            drop(silent);
            loop {
                // The places are free as soon as the ends are seen.
                let mut stream = TcpStream::connect(address).await.expect("connects");
                let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").await;
                let mut text = String::new();
                if stream.read_to_string(&mut text).await.is_ok() && text.contains("200") {
                    break;
                }
            }
        });
    }
}
