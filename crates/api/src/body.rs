//! Request bodies: read within limits, then as JSON whose errors name the field.

use crate::limits;
use axum::{
    body::{Body, Bytes},
    extract::Query,
    http::{HeaderMap, Uri, header::CONTENT_TYPE},
};
use http_body_util::BodyExt;
use rushes_model::{ErrorCode, Failure};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// Reads a body of at most `cap` bytes.
pub(crate) async fn read(body: Body, cap: usize) -> Result<Bytes, Failure> {
    timeout(limits::BODY_TIME, read_all(body, cap)).await.unwrap_or_else(|_| {
        Err(bad(format!("the body did not arrive within {} s", limits::BODY_TIME.as_secs())))
    })
}

async fn read_all(mut body: Body, cap: usize) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| bad(format!("the body broke off: {error}")))?;
        let Ok(part) = frame.into_data() else { continue };
        if bytes.len() + part.len() > cap {
            discard(body).await;
            let message = format!("this call takes bodies of at most {cap} bytes");
            return Err(Failure::new(ErrorCode::TooLarge, message));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.into())
}

/// Reads a body and forgets it, within limits: a client that is still sending when the connection
/// closes sees a broken pipe and never the answer.
pub(crate) async fn discard(mut body: Body) {
    let mut left = limits::DISCARDED;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // Running out of time only means that the client may not get to see why.
    let _ = timeout(limits::DISCARD_TIME, reading).await;
}

/// What the content type says of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentType {
    /// JSON, with or without parameters.
    Json,
    /// No header.
    Absent,
    /// Anything else. Forms and plain text are what a page may send without asking first.
    Other,
}

/// Reads the content type.
pub(crate) fn content_type(headers: &HeaderMap) -> ContentType {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return match headers.contains_key(CONTENT_TYPE) {
            true => ContentType::Other,
            false => ContentType::Absent,
        };
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    match essence.trim().eq_ignore_ascii_case("application/json") {
        true => ContentType::Json,
        false => ContentType::Other,
    }
}

/// The failure of a call whose body is not declared as JSON.
pub(crate) fn not_json() -> Failure {
    bad("send the body as JSON, with the header content-type: application/json".to_owned())
}

/// Reads the query of an address; the failure names the field.
pub(crate) fn query<T: DeserializeOwned>(address: &Uri) -> Result<T, Failure> {
    let query = Query::try_from_uri(address);
    query.map(|Query(query)| query).map_err(|error| bad(format!("query, {}", error.body_text())))
}

/// Reads JSON; the failure names the field.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    // Without this an array would be taken for the fields of the object in their order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(bad("the body must be a JSON object".to_owned()));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        match field.as_str() {
            "." => bad(format!("the body: {}", error.inner())),
            _ => bad(format!("the field {field}: {}", error.inner())),
        }
    })?;
    json.end().map_err(|error| bad(format!("after the body's object: {error}")))?;
    Ok(value)
}

fn bad(message: String) -> Failure {
    Failure::new(ErrorCode::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only what is refused counts")]
    struct Request {
        cache_dir: String,
        requests: Vec<Picture>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only what is refused counts")]
    struct Picture {
        width: u32,
    }

    #[test]
    fn messages_name_the_field() {
        let table = [
            (r#"{"requests":[]}"#, "cache_dir"),
            (r#"{"cache_dir":5,"requests":[]}"#, "field cache_dir"),
            (r#"{"cache_dir":"/c","requests":[{"width":-1}]}"#, "field requests[0].width"),
            (r#"{"cache_dir":"/c","requests":[{"width":1e999}]}"#, "field requests[0].width"),
            (r#"{"cache_dir":"/c","requests":[]} x"#, "trailing"),
            (r#"["/c",[]]"#, "JSON object"),
            ("{", "EOF"),
            ("", "JSON object"),
        ];
        for (body, part) in table {
            let failure = parse::<Request>(body.as_bytes()).unwrap_err();
            assert_eq!(failure.code, ErrorCode::BadRequest);
            assert!(failure.message.contains(part), "{body}: {}", failure.message);
        }
    }

    #[test]
    fn only_json_is_json() {
        let of = |values: &[&'static str]| {
            let pairs = values.iter().map(|value| (CONTENT_TYPE, value.parse().unwrap()));
            let mut headers = HeaderMap::new();
            pairs.for_each(|(name, value)| _ = headers.append(name, value));
            content_type(&headers)
        };
        assert_eq!(of(&["application/json"]), ContentType::Json);
        assert_eq!(of(&["Application/JSON; charset=utf-8"]), ContentType::Json);
        assert_eq!(of(&[]), ContentType::Absent);
        assert_eq!(of(&["text/plain"]), ContentType::Other);
        assert_eq!(of(&["application/jsonp"]), ContentType::Other);
        assert_eq!(of(&["application/json", "text/plain"]), ContentType::Other);
    }
}
