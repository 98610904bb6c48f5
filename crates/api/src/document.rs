//! The OpenAPI document, gathered from the same rows and types as the routes.

use crate::{
    operation::{Operation, PREFIX},
    refusal::ErrorBody,
};
use axum::http::StatusCode;
use rushes_model::{ErrorCode, Failure};
use serde_json::{Value, json};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        Components, ContentBuilder, HeaderBuilder, HttpMethod, InfoBuilder, ObjectBuilder, OpenApi,
        OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
        Schema, ServerBuilder, Type,
        path::{OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme},
    },
};

/// Name of the security scheme, the contract's.
const SCHEME: &str = "LicenseKey";

/// Errors of every licensed call: status, component, code and what it means.
const ERRORS: [(&str, &str, ErrorCode, &str); 7] = [
    ("400", "BadRequest", ErrorCode::BadRequest, "Missing or invalid parameters."),
    ("401", "Unauthorized", ErrorCode::Unauthorized, "No key, or one that cannot be verified."),
    ("403", "Forbidden", ErrorCode::NotPro, "Valid key, not Pro."),
    ("404", "NotFound", ErrorCode::NotFound, "No such thing."),
    ("413", "TooLarge", ErrorCode::TooLarge, "The body is too large."),
    ("500", "Internal", ErrorCode::Internal, "A defect, or the machine failed."),
    ("503", "Unavailable", ErrorCode::Loading, "Models still loading, or too busy; retry shortly."),
];

/// What has been gathered so far.
#[derive(Default)]
pub(crate) struct Document {
    paths: PathsBuilder,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Document {
    /// Adds an operation that needs no key.
    pub(crate) fn open<R: ToSchema>(&mut self, operation: &Operation) {
        let reply = self.reply::<R>(operation);
        let documented = words(operation)
            .securities(Some(Vec::<SecurityRequirement>::new()))
            .response(operation.success.as_str(), reply);
        self.add(HttpMethod::Get, operation, documented);
    }

    /// Adds an operation without a body.
    pub(crate) fn without_body<R: ToSchema>(&mut self, method: HttpMethod, operation: &Operation) {
        let reply = self.reply::<R>(operation);
        let documented = words(operation).response(operation.success.as_str(), reply);
        let documented = with_path_parameter(operation.path, documented);
        let statuses: &[&str] = match operation.may_miss {
            true => &["401", "403", "404", "500", "503"],
            false => &["401", "403", "500", "503"],
        };
        self.add(method, operation, with_errors(documented, statuses));
    }

    /// Adds a GET whose query says what is asked for.
    pub(crate) fn get_by_query<T: IntoParams, R: ToSchema>(&mut self, operation: &Operation) {
        let reply = self.reply::<R>(operation);
        let documented = words(operation)
            .parameters(Some(T::into_params(|| Some(ParameterIn::Query))))
            .response(operation.success.as_str(), reply);
        let statuses = ["400", "401", "403", "404", "500", "503"];
        self.add(HttpMethod::Get, operation, with_errors(documented, &statuses));
    }

    /// Adds an operation with a JSON body.
    pub(crate) fn with_body<T: ToSchema, R: ToSchema>(
        &mut self,
        method: HttpMethod,
        operation: &Operation,
    ) {
        let reply = self.reply::<R>(operation);
        let example = Some(&operation.example).filter(|example| !example.is_null());
        let content = ContentBuilder::new()
            .schema(Some(self.schema::<T>()))
            .example(example.cloned())
            .build();
        let body = RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content("application/json", content)
            .build();
        let documented =
            words(operation).request_body(Some(body)).response(operation.success.as_str(), reply);
        let documented = with_path_parameter(operation.path, documented);
        let statuses: &[&str] = match operation.may_miss {
            true => &["400", "401", "403", "404", "413", "500", "503"],
            false => &["400", "401", "403", "413", "500", "503"],
        };
        self.add(method, operation, with_errors(documented, statuses));
    }

    /// The whole document.
    pub(crate) fn finish(mut self) -> OpenApi {
        let error = self.schema::<ErrorBody>();
        let mut components = Components::new();
        components.schemas.extend(self.schemas);
        for (_, name, code, description) in ERRORS {
            components
                .responses
                .insert(name.to_owned(), error_response(code, description, error.clone()).into());
        }
        let scheme = ApiKeyValue::with_description("X-License-Key", KEY_WORDS);
        components.add_security_scheme(SCHEME, SecurityScheme::ApiKey(ApiKey::Header(scheme)));
        OpenApiBuilder::new()
            .info(
                InfoBuilder::new()
                    .title("Rushes")
                    .version(env!("CARGO_PKG_VERSION"))
                    .description(Some(WORDS)),
            )
            .servers(Some([ServerBuilder::new().url(PREFIX).build()]))
            .security(Some([SecurityRequirement::new(SCHEME, Vec::<String>::new())]))
            .paths(self.paths)
            .components(Some(components))
            .build()
    }

    fn add(&mut self, method: HttpMethod, operation: &Operation, documented: OperationBuilder) {
        let item = PathItem::new(method, documented);
        let paths = std::mem::take(&mut self.paths);
        self.paths = paths.path(operation.path, item);
    }

    fn reply<R: ToSchema>(&mut self, operation: &Operation) -> Response {
        let words = match operation.success {
            StatusCode::ACCEPTED => {
                "Started; progress goes to the Socket.IO room named by task_id."
            }
            _ => "Done.",
        };
        let content = ContentBuilder::new().schema(Some(self.schema::<R>())).build();
        ResponseBuilder::new().description(words).content("application/json", content).build()
    }

    /// Keeps the schema of a type and those it uses, and gives the reference to it.
    fn schema<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let name = T::name().into_owned();
        T::schemas(&mut self.schemas);
        self.schemas.push((name.clone(), <T as PartialSchema>::schema()));
        Ref::from_schema_name(name).into()
    }
}

/// The document's own introduction.
const WORDS: &str = "Finds any moment in a pile of footage.\n\n\
    Every operation except GET /health needs a Pro license key: the header X-License-Key, or the \
    field license_key of a JSON body. Error bodies are {\"error\": short, \"message\": long}. \
    Progress of tasks goes out over Socket.IO on the same port: connect, emit `join` with the task \
    id, listen for `progress`. Timestamps are HH:MM:SS strings; fields named *_seconds are numbers. \
    Paths are absolute paths on the machine that runs the server.";

const KEY_WORDS: &str = "The key that `rushes serve` printed when it first started.";

/// Pages show the first sentence in their lists and the rest where there is room.
fn words(operation: &Operation) -> OperationBuilder {
    let (summary, more) = match operation.description.split_once(". ") {
        Some((first, rest)) => (first, Some(rest)),
        None => (operation.description.trim_end_matches('.'), None),
    };
    OperationBuilder::new()
        .operation_id(Some(operation.id))
        .tag(operation.tag)
        .summary(Some(summary))
        .description(more)
}

/// The `{name}` of a path as a parameter.
fn with_path_parameter(path: &str, documented: OperationBuilder) -> OperationBuilder {
    let name = path.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let Some((name, _)) = name else { return documented };
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
    documented.parameter(parameter)
}

fn with_errors(documented: OperationBuilder, statuses: &[&str]) -> OperationBuilder {
    let listed = ERRORS.iter().filter(|(status, ..)| statuses.contains(status));
    listed.fold(documented, |documented, (status, name, ..)| {
        documented.response(*status, Ref::from_response_name(*name))
    })
}

fn error_response(code: ErrorCode, description: &str, schema: RefOr<Schema>) -> Response {
    let content = ContentBuilder::new().schema(Some(schema)).example(Some(example(code))).build();
    let response =
        ResponseBuilder::new().description(description).content("application/json", content);
    match code.status() {
        503 => response.header("Retry-After", retry_after()).build(),
        _ => response.build(),
    }
}

fn retry_after() -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)))
        .description(Some("Seconds to wait before trying again."))
        .build()
}

/// An error body of this code. Those about keys are the contract's, word for word.
fn example(code: ErrorCode) -> Value {
    let message = match code {
        ErrorCode::Unauthorized => Failure::no_key().message,
        ErrorCode::NotPro => Failure::not_pro().message,
        _ => "What happened, to which file, and what to do".to_owned(),
    };
    json!({"error": code.title(), "message": message})
}
