//! Failures as HTTP answers.

use crate::limits;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use rushes_model::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody {
    /// What kind of error, in short.
    pub error: String,
    /// What happened and what to do.
    pub message: String,
}

/// A failure on its way out.
pub(crate) struct Refusal(pub(crate) Failure);

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Failure { code, message } = self.0;
        let status =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ErrorBody { error: code.title().to_owned(), message };
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static(limits::RETRY_AFTER);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

/// Answer to a path that does not exist.
pub(crate) async fn no_such_path() -> Refusal {
    Refusal(nothing_here())
}

/// Answer to a method that the path does not have.
pub(crate) async fn no_such_method() -> Refusal {
    let message = "this path has other methods; /docs lists them";
    Refusal(Failure::new(ErrorCode::MethodNotAllowed, message))
}

/// A path that does not exist.
pub(crate) fn nothing_here() -> Failure {
    Failure::new(ErrorCode::NotFound, "there is nothing at this path; /docs lists what there is")
}

/// Figures are for this machine.
pub(crate) fn not_from_here() -> Failure {
    let message = "figures are given to this machine only, by a server that listens to it alone";
    Failure::new(ErrorCode::ForbiddenOrigin, message)
}

/// Work that would be cancelled at once.
pub(crate) fn stopping() -> Failure {
    Failure::new(ErrorCode::Busy, "the server is stopping; ask again when it is back")
}

/// A defect that was caught on its way out.
pub(crate) fn defect() -> Failure {
    Failure::new(ErrorCode::Internal, "a defect of the server stopped this call; its log says more")
}
