//! The OpenAPI document, and a page that shows it; both work offline and need no key.

use crate::{
    operation::full_path,
    refusal::{self, Refusal},
};
use axum::{
    Json, Router,
    extract::Path,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
};
use std::sync::{Arc, LazyLock};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

/// How the page is set up. No validator: it would send the document to a web site.
static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from(full_path("/openapi.json")).validator_url("none")));

/// Routes of the document and the page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(document: OpenApi) -> Router<S> {
    let document = Arc::new(document);
    let json = move || async move { Json(document.as_ref().clone()) };
    Router::new()
        .route(&full_path("/openapi.json"), get(json))
        .route("/docs", get(front))
        .route("/docs/", get(front))
        .route("/docs/{file}", get(|Path(name): Path<String>| async move { file(&name) }))
}

async fn front() -> Response {
    file("index.html")
}

fn file(name: &str) -> Response {
    match utoipa_swagger_ui::serve(name, CONFIG.clone()) {
        Ok(Some(file)) if name == "index.html" => {
            // The page's own files are named relative to the folder, which /docs alone is not.
            let page = String::from_utf8_lossy(&file.bytes);
            let page = page.replace("<head>", "<head>\n    <base href=\"/docs/\">");
            ([(CONTENT_TYPE, file.content_type)], page).into_response()
        }
        Ok(Some(file)) => {
            ([(CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response()
        }
        Ok(None) => Refusal(refusal::nothing_here()).into_response(),
        Err(error) => {
            tracing::error!(%error, name, "a page of the documentation cannot be served");
            Refusal(refusal::defect()).into_response()
        }
    }
}
