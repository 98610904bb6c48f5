//! The one table of errors: code, HTTP status, title.

use serde::{Deserialize, Serialize};

macro_rules! error_table {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $title:literal;)*) => {
        /// Every way in which a request can fail. The title is the `error` field of the body.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode { $($(#[$doc])* $name,)* }

        impl ErrorCode {
            /// All codes, in table order.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name),*];

            /// HTTP status.
            #[must_use]
            pub fn status(self) -> u16 { match self { $(Self::$name => $status,)* } }

            /// Short text for the `error` field.
            #[must_use]
            pub fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }
        }
    };
}

error_table! {
    /// A parameter is missing, malformed or out of range; also malformed JSON or a wrong content type.
    BadRequest = 400, "Bad request";
    /// The model key is in no registry entry.
    UnknownModel = 400, "Unknown model";
    /// A path is relative, hostile, or not what the call needs.
    BadPath = 400, "Invalid path";
    /// The analysis folder cannot be read or written.
    CacheDir = 400, "Analysis folder not usable";
    /// No license key, or one that cannot be verified.
    Unauthorized = 401, "Authentication required";
    /// A valid key of a tier that may not use the API. The text is the contract's.
    NotPro = 403, "Jumper Pro license required";
    /// Host or Origin is not on the allow-list.
    ForbiddenOrigin = 403, "Forbidden";
    /// No such task, folder, collection or cluster.
    NotFound = 404, "Not found";
    /// The path exists, the method does not.
    MethodNotAllowed = 405, "Method not allowed";
    /// The body is larger than the call takes.
    TooLarge = 413, "Request body too large";
    /// A defect, or the machine failed us.
    Internal = 500, "Internal error";
    /// The model that this call needs is being loaded.
    Loading = 503, "Model is loading";
    /// More requests at once than the server takes.
    Busy = 503, "Server is busy";
    /// The license server did not answer.
    LicenseServer = 503, "License server unreachable";
}

/// A failure as users see it: a code of the table and a sentence that says what happened, to which
/// file, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Row of the table.
    pub code: ErrorCode,
    /// The `message` field of the body.
    pub message: String,
}

impl Failure {
    /// A failure with this code and message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The contract's answer to a call without a usable key.
    #[must_use]
    pub fn no_key() -> Self {
        Self::new(
            ErrorCode::Unauthorized,
            "Provide license_key in request body or X-License-Key header",
        )
    }

    /// The contract's answer to a key that is valid and not Pro.
    #[must_use]
    pub fn not_pro() -> Self {
        Self::new(ErrorCode::NotPro, "The public API requires a Jumper Pro license")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_contract() {
        let known = [400, 401, 403, 404, 405, 413, 500, 503];
        for code in ErrorCode::ALL {
            assert!(known.contains(&code.status()), "{code:?}");
        }
        assert_eq!(Failure::not_pro().code.title(), "Jumper Pro license required");
    }
}
