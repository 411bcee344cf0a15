//! A layer around making a connection: bounds its time by the call, and notes when it began and was done.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tower::{Layer, Service};

use super::trace::CALL;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connecting took too long.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
struct TooSlow(Duration);

/// A connection that no call has asked for: the policy could not be asked about it.
#[derive(Debug, thiserror::Error)]
#[error("no call asks for this connection")]
pub(super) struct NoCall;

/// The layer.
#[derive(Clone)]
pub(super) struct Watched;

impl<S> Layer<S> for Watched {
    type Service = Watching<S>;

    fn layer(&self, inner: S) -> Watching<S> {
        Watching(inner)
    }
}

/// A connector that is watched.
#[derive(Clone)]
pub(super) struct Watching<S>(S);

impl<S, Request> Service<Request> for Watching<S>
where
    S: Service<Request, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Ok(call) = CALL.try_with(Arc::clone) else {
            return Box::pin(std::future::ready(Err(NoCall.into())));
        };
        let connecting = self.0.call(request);
        Box::pin(async move {
            call.begin();
            // The client goes on with it in another task if a connection of another call becomes free first.
            let connecting = CALL.scope(call.clone(), connecting);
            match tokio::time::timeout(call.connect_timeout, connecting).await {
                Ok(Ok(connection)) => {
                    call.connected();
                    Ok(connection)
                }
                Ok(Err(error)) => Err(error),
                Err(_) => Err(TooSlow(call.connect_timeout).into()),
            }
        })
    }
}
