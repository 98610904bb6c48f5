//! Operations: a row of path, words and the engine's method gives the route and its documentation.

use crate::{
    body,
    document::Document,
    lanes::{self, Lane},
    licensed::{App, Licensed},
    limits,
    refusal::{self, Refusal},
};
use axum::{
    Json, Router,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{MethodFilter, get, on},
};
use rushes_engine::Engine;
use rushes_model::{ErrorCode, Failure};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{HttpMethod, OpenApi},
};

/// What all paths of the contract begin with.
pub(crate) const PREFIX: &str = "/api/v1";

/// One operation: where it is, what it does, what it costs.
pub(crate) struct Operation {
    pub(crate) path: &'static str,
    pub(crate) id: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) description: &'static str,
    pub(crate) success: StatusCode,
    pub(crate) may_miss: bool,
    pub(crate) example: Value,
    lane: Lane,
    body_cap: usize,
    answer_time: Duration,
}

impl Operation {
    /// A quick operation with a small body. `id` is the contract's operationId.
    pub(crate) fn new(tag: &'static str, path: &'static str, id: &'static str) -> Self {
        Self {
            path,
            id,
            tag,
            description: "",
            success: StatusCode::OK,
            may_miss: false,
            example: Value::Null,
            lane: Lane::Quick,
            body_cap: limits::SMALL_BODY,
            answer_time: limits::ANSWER_TIME,
        }
    }

    /// What it does, for people.
    pub(crate) fn says(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// A body to try.
    pub(crate) fn example(self, example: Value) -> Self {
        Self { example, ..self }
    }

    /// The body may list many paths.
    pub(crate) fn takes_lists(self) -> Self {
        Self { body_cap: limits::LIST_BODY, ..self }
    }

    /// It may be asked for something that there is not.
    pub(crate) fn may_miss(self) -> Self {
        Self { may_miss: true, ..self }
    }

    /// It starts a task and answers at once.
    pub(crate) fn starts_task(self) -> Self {
        Self { success: StatusCode::ACCEPTED, ..self }
    }

    /// It makes something.
    pub(crate) fn creates(self) -> Self {
        Self { success: StatusCode::CREATED, ..self }
    }

    /// It scans vectors.
    pub(crate) fn searches(self) -> Self {
        Self { lane: Lane::Search, ..self }
    }

    /// It reads as much as there is.
    pub(crate) fn reads_much(self) -> Self {
        Self { answer_time: limits::LIST_ANSWER_TIME, ..self }
    }

    /// It probes media, as many as it is asked for.
    pub(crate) fn probes(self) -> Self {
        Self { lane: Lane::Probe, answer_time: limits::LIST_ANSWER_TIME, ..self }
    }

    /// It decodes pictures, as many as it is asked for.
    pub(crate) fn decodes(self) -> Self {
        Self { lane: Lane::Picture, answer_time: limits::LIST_ANSWER_TIME, ..self }
    }

    /// Runs the call in its lane and answers within its time.
    async fn answer<R: Serialize + 'static>(
        &self,
        app: &App,
        call: impl FnOnce(&Engine) -> Result<R, Failure> + Send + 'static,
    ) -> Result<Response, Refusal> {
        if self.success == StatusCode::ACCEPTED && app.is_stopping() {
            return Err(refusal::stopping().into());
        }
        let engine = app.engine.clone();
        let work = async {
            let turn = app.lanes.enter(self.lane).await?;
            lanes::blocking(move || {
                // Held to the end of the work, which goes on when nobody waits for it any more.
                let _turn = turn;
                call(&engine).and_then(|reply| json(&reply))
            })
            .await
        };
        let body =
            timeout(self.answer_time, work).await.unwrap_or_else(|_| Err(self.too_slow()))?;
        Ok((self.success, [(CONTENT_TYPE, "application/json")], body).into_response())
    }

    fn too_slow(&self) -> Failure {
        let seconds = self.answer_time.as_secs();
        Failure::new(
            ErrorCode::Busy,
            format!("no answer within {seconds} s; ask for less, or later"),
        )
    }
}

fn json(reply: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(reply)
        .map_err(|error| Failure::new(ErrorCode::Internal, format!("writing the reply: {error}")))
}

/// The operations, as routes and as a document. There is no way to add one that uses the engine
/// without the license check.
#[derive(Default)]
pub(crate) struct Operations {
    router: Router<App>,
    document: Document,
}

impl Operations {
    /// An operation that anybody let through the door may use; it does not get at the engine.
    pub(crate) fn open<R: Serialize + ToSchema + 'static>(
        mut self,
        operation: Operation,
        call: fn() -> R,
    ) -> Self {
        self.document.open::<R>(&operation);
        let handler = move || async move { Json(call()) };
        self.router = self.router.route(&full_path(operation.path), get(handler));
        self
    }

    /// A GET that cannot fail.
    pub(crate) fn get<R: Serialize + ToSchema + 'static>(
        self,
        operation: Operation,
        call: fn(&Engine) -> R,
    ) -> Self {
        self.silent(HttpMethod::Get, operation, move |engine, _| Ok(call(engine)))
    }

    /// A GET that may fail, or a POST that says nothing.
    pub(crate) fn without_body<R: Serialize + ToSchema + 'static>(
        self,
        method: HttpMethod,
        operation: Operation,
        call: fn(&Engine) -> Result<R, Failure>,
    ) -> Self {
        self.silent(method, operation, move |engine, _| call(engine))
    }

    /// A GET of one thing, named by the last part of the path.
    pub(crate) fn get_one<R: Serialize + ToSchema + 'static>(
        self,
        operation: Operation,
        call: fn(&Engine, &str) -> Result<R, Failure>,
    ) -> Self {
        self.silent(HttpMethod::Get, operation, call)
    }

    /// A DELETE of one thing, named by the last part of the path.
    pub(crate) fn delete_one<R: Serialize + ToSchema + 'static>(
        self,
        operation: Operation,
        call: fn(&Engine, &str) -> Result<R, Failure>,
    ) -> Self {
        self.silent(HttpMethod::Delete, operation, call)
    }

    /// An operation without a body; `call` gets the name in the path, which is empty where it has none.
    fn silent<R: Serialize + ToSchema + 'static>(
        mut self,
        method: HttpMethod,
        operation: Operation,
        call: impl Fn(&Engine, &str) -> Result<R, Failure> + Copy + Send + Sync + 'static,
    ) -> Self {
        let filter = match method {
            HttpMethod::Post => MethodFilter::POST,
            HttpMethod::Delete => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        self.document.without_body::<R>(method, &operation);
        let path = full_path(operation.path);
        let operation = Arc::new(operation);
        let handler = move |State(app): State<App>,
                            name: Result<Path<String>, PathRejection>,
                            request: Request| {
            let operation = Arc::clone(&operation);
            async move {
                Licensed::without_body(&app, request, operation.body_cap).await?;
                let name = name_in(name);
                operation.answer(&app, move |engine| call(engine, &name)).await
            }
        };
        self.router = self.router.route(&path, on(filter, handler));
        self
    }

    /// A GET whose query says what is asked for.
    pub(crate) fn get_by_query<T, R>(
        mut self,
        operation: Operation,
        call: fn(&Engine, &T) -> Result<R, Failure>,
    ) -> Self
    where
        T: DeserializeOwned + IntoParams + Send + 'static,
        R: Serialize + ToSchema + 'static,
    {
        self.document.get_by_query::<T, R>(&operation);
        let path = full_path(operation.path);
        let operation = Arc::new(operation);
        let handler = move |State(app): State<App>, request: Request| {
            let operation = Arc::clone(&operation);
            async move {
                let query = body::query(request.uri());
                Licensed::without_body(&app, request, operation.body_cap).await?;
                let query: T = query?;
                operation.answer(&app, move |engine| call(engine, &query)).await
            }
        };
        self.router = self.router.route(&path, get(handler));
        self
    }

    /// A POST with a JSON body.
    pub(crate) fn post<T, R>(
        self,
        operation: Operation,
        call: fn(&Engine, &T) -> Result<R, Failure>,
    ) -> Self
    where
        T: DeserializeOwned + ToSchema + Send + 'static,
        R: Serialize + ToSchema + 'static,
    {
        self.with_body(HttpMethod::Post, operation, move |engine, _, body| call(engine, body))
    }

    /// A PUT with a JSON body.
    pub(crate) fn put<T, R>(
        self,
        operation: Operation,
        call: fn(&Engine, &T) -> Result<R, Failure>,
    ) -> Self
    where
        T: DeserializeOwned + ToSchema + Send + 'static,
        R: Serialize + ToSchema + 'static,
    {
        self.with_body(HttpMethod::Put, operation, move |engine, _, body| call(engine, body))
    }

    /// A PUT with a JSON body that changes one thing, named by the last part of the path.
    pub(crate) fn put_one<T, R>(
        self,
        operation: Operation,
        call: fn(&Engine, &str, &T) -> Result<R, Failure>,
    ) -> Self
    where
        T: DeserializeOwned + ToSchema + Send + 'static,
        R: Serialize + ToSchema + 'static,
    {
        self.with_body(HttpMethod::Put, operation, call)
    }

    /// An operation with a JSON body; `call` gets the name in the path, which is empty where it has none.
    fn with_body<T, R>(
        mut self,
        method: HttpMethod,
        operation: Operation,
        call: impl Fn(&Engine, &str, &T) -> Result<R, Failure> + Copy + Send + Sync + 'static,
    ) -> Self
    where
        T: DeserializeOwned + ToSchema + Send + 'static,
        R: Serialize + ToSchema + 'static,
    {
        let filter = match method {
            HttpMethod::Put => MethodFilter::PUT,
            _ => MethodFilter::POST,
        };
        self.document.with_body::<T, R>(method, &operation);
        let path = full_path(operation.path);
        let operation = Arc::new(operation);
        let handler = move |State(app): State<App>,
                            name: Result<Path<String>, PathRejection>,
                            request: Request| {
            let operation = Arc::clone(&operation);
            async move {
                let body = Licensed::<T>::with_body(&app, request, operation.body_cap).await?;
                let (name, body) = (name_in(name), body.into_inner());
                operation.answer(&app, move |engine| call(engine, &name, &body)).await
            }
        };
        self.router = self.router.route(&path, on(filter, handler));
        self
    }

    /// The routes and their document.
    pub(crate) fn into_parts(self) -> (Router<App>, OpenApi) {
        (self.router, self.document.finish())
    }
}

/// The name in a path. One that is not UTF-8 is the name of nothing, as is none.
fn name_in(path: Result<Path<String>, PathRejection>) -> String {
    path.map(|Path(name)| name).unwrap_or_default()
}

/// A path of the contract as the server has it.
pub(crate) fn full_path(path: &str) -> String {
    format!("{PREFIX}{path}")
}
