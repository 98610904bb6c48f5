//! Operations of the contract that are planned and not built yet: the one list of them.

use crate::{
    licensed::{App, Licensed},
    limits,
    operation::full_path,
    refusal::Refusal,
};
use axum::{
    Router,
    extract::{Request, State},
    routing::{MethodFilter, on},
};
use rushes_model::{ErrorCode, Failure};

/// Method and path of each.
const NOT_BUILT: &[(MethodFilter, &str)] = &[
    (MethodFilter::GET, "/watch-folders"),
    (MethodFilter::POST, "/watch-folders"),
    (MethodFilter::GET, "/watch-folders/{id}"),
    (MethodFilter::PUT, "/watch-folders/{id}"),
    (MethodFilter::DELETE, "/watch-folders/{id}"),
    (MethodFilter::POST, "/watch-folders/service/start"),
    (MethodFilter::POST, "/watch-folders/service/stop"),
    (MethodFilter::POST, "/watch-folders/service/pause"),
    (MethodFilter::GET, "/watch-folders/service/status"),
];

/// Routes that check the license like any other and then say so.
pub(crate) fn routes() -> Router<App> {
    NOT_BUILT.iter().fold(Router::new(), |router, (method, path)| {
        router.route(&full_path(path), on(*method, refuse))
    })
}

async fn refuse(State(app): State<App>, request: Request) -> Refusal {
    match Licensed::without_body(&app, request, limits::LIST_BODY).await {
        Ok(_) => Refusal(Failure::new(
            ErrorCode::NotImplemented,
            "this operation is planned and not built yet; /docs lists what is",
        )),
        Err(failure) => Refusal(failure),
    }
}
