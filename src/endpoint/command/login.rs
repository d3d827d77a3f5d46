//! LOGIN: the account's name and the endpoint's password. RFC 1176 LOGIN; rows `1064-LOGIN`, `1064-LOGIN-NO`.

use crate::endpoint::login::{Failures, is_password};
use crate::endpoint::reply::Reply;
use crate::endpoint::service::{Endpoint, Peer};
use crate::endpoint::session::Session;
use crate::protocol::types::Password;

/// Who the client is, or the refusal, after the wait that it costs. What was wrong is not said to those without the password.
///
/// A client whose user the kernel has vouched for may give any password: it could read the files themselves.
pub(in crate::endpoint) async fn run(
    endpoint: &Endpoint,
    peer: &Peer,
    failures: &mut Failures,
    user: &[u8],
    password: &Password,
) -> Result<Session, Reply> {
    let right = is_password(endpoint.settings().password.as_ref(), password.expose());
    let admitted = right || matches!(peer, Peer::Trusted);
    let name = std::str::from_utf8(user).unwrap_or_default();
    match endpoint.session(name) {
        Some(session) if admitted => Ok(session),
        _ => {
            tracing::warn!("a login was refused");
            tokio::time::sleep(failures.count()).await;
            Err(Reply::no(if admitted { NO_ACCOUNT } else { NO_ADMISSION }))
        }
    }
}

const NO_ADMISSION: &str =
    "LOGIN failed; the user is an account's name, the password the one of the endpoint";
const NO_ACCOUNT: &str =
    "LOGIN failed; it is not the password: no account of this name can be used now";
