//! From the configuration's words to what the other parts take.

use super::error::chain;
use super::pass::PassOptions;
use super::queue::Keep;
use crate::clock;
use crate::config;
use crate::endpoint::{DialectPin, EndpointLimits, EndpointSettings, PasswordDigest, ServerLimits};
use crate::mirror::{Brakes, Policy};
use crate::protocol::types::{MailboxName, Password};
use crate::upstream::{
    Allowance, Credentials, Level, Patience, Security, Server, Transport, UpstreamError,
};

/// Where an account's server is, with its password fetched from wherever it is kept.
pub(super) async fn server(upstream: &config::Upstream) -> Result<Server, UpstreamError> {
    let credentials = match &upstream.login {
        None => None,
        Some(login) => {
            let secret = login.password.fetch().await;
            let secret = secret.map_err(|error| UpstreamError::NoPassword {
                problem: chain(&error),
                advice: error.suggestion(),
            })?;
            let password = Password::new(secret.expose().to_vec());
            Some(Credentials {
                user: login.user.clone(),
                password,
            })
        }
    };
    let waits = upstream.timeouts;
    Ok(Server {
        transport: transport(&upstream.route),
        credentials,
        level: match upstream.protocol {
            config::Protocol::Auto => Level::Detect,
            config::Protocol::Imap2 => Level::Imap2,
            config::Protocol::Imap2bis => Level::Imap2bis,
            config::Protocol::Imap4rev1 => Level::Imap4rev1,
        },
        patience: Patience {
            connect: waits.connect,
            tls: waits.tls,
            greeting: waits.greeting,
            silence: waits.command,
            logout: waits.logout,
        },
        allowance: Allowance {
            line: sized(upstream.bounds.line),
            literal: sized(upstream.bounds.literal),
        },
    })
}

fn transport(route: &config::Route) -> Transport {
    match route {
        config::Route::Tunnel { command, .. } => {
            let command = std::iter::once(&command.program)
                .chain(&command.arguments)
                .cloned()
                .collect();
            Transport::Tunnel { command }
        }
        config::Route::Network {
            host,
            port,
            security,
        } => Transport::Tcp {
            host: host.clone(),
            port: *port,
            security: match security {
                config::Security::Implicit { ca_file } => Security::Tls {
                    extra_roots: ca_file.clone(),
                },
                config::Security::StartTls { ca_file } => Security::StartTls {
                    extra_roots: ca_file.clone(),
                },
                config::Security::Cleartext => Security::Clear,
            },
        },
    }
}

/// What to do where wishes about messages of a mailbox exclude each other.
pub(super) fn policy(upstream: &config::Upstream, mailbox: &MailboxName) -> Policy {
    let rules = upstream.conflict.of(mailbox.as_bytes());
    Policy {
        delete_what_others_marked: rules.deleted_here_changed_there == config::DeletedHere::Delete,
        restore_what_others_removed: rules.changed_here_deleted_there
            == config::DeletedThere::Restore,
    }
}

/// How to pass over the mailboxes of an account, but for what each has for itself.
pub(super) fn options(upstream: &config::Upstream) -> PassOptions {
    let keep = match upstream.bodies {
        config::Bodies::All => Keep::All,
        config::Bodies::Headers => Keep::Headers,
        config::Bodies::Within {
            newer_than,
            smaller_than,
        } => Keep::Within {
            since: newer_than
                .map(|age| clock::unix_seconds().saturating_sub_unsigned(age.as_secs())),
            below: smaller_than.map(|size| u32::try_from(size).unwrap_or(u32::MAX)),
        },
    };
    PassOptions {
        policy: Policy::default(),
        brakes: Brakes {
            few: sized(upstream.brake.few),
            many: sized(upstream.brake.many),
        },
        attempts: upstream.bounds.attempts,
        keep,
        rescue_up_to: u32::try_from(upstream.before_removal).unwrap_or(u32::MAX),
        dry_run: false,
        closely: false,
        records_first: true,
        list_up_to: LIST_UP_TO,
        list_every: upstream.scrub,
        // Without chance the other places still tell.
        chance: getrandom::u64().unwrap_or_default(),
    }
}

/// As much as there can be on this machine.
fn sized(number: impl Into<u64>) -> usize {
    usize::try_from(number.into()).unwrap_or(usize::MAX)
}

/// How the endpoint behaves. Without a password nobody can log in over TCP.
#[must_use]
pub fn endpoint(config: &config::Config, password: Option<&[u8]>) -> EndpointSettings {
    let limits = EndpointLimits::default();
    let connection_count =
        usize::try_from(config.limits.endpoint_connections).unwrap_or(limits.connection_count);
    EndpointSettings {
        password: password.map(PasswordDigest::of),
        dialect: match config.endpoint.dialect {
            config::Dialect::Auto => DialectPin::Auto,
            config::Dialect::Rfc1064 => DialectPin::Rfc1064,
            config::Dialect::Rfc1176 => DialectPin::Rfc1176,
            config::Dialect::Imap2bis => DialectPin::Imap2bis,
        },
        limits: EndpointLimits {
            connection_count,
            sizes: ServerLimits {
                line: sized(config.limits.endpoint_line),
                literal: sized(config.limits.endpoint_literal),
                message: sized(config.limits.endpoint_append),
                ..limits.sizes
            },
            ..limits
        },
    }
}

/// Up to here the sets of flags cost more than the lines of a listing.
const LIST_UP_TO: usize = 200;
