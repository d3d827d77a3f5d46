use proptest::prelude::*;

use super::*;
use crate::protocol::command::{InitialResponse, Numbering};
use crate::protocol::response::{Code, Status};
use crate::protocol::support::protocol_soup;
use crate::protocol::types::{FetchRequest, MailboxName, Password, SeqNum, SequenceSet};

fn greeted() -> Client {
    let mut client = Client::new(Client::DEFAULT_LIMITS);
    client.receive(b"* OK ready\r\n");
    assert!(matches!(
        client.next_event(),
        Ok(Some(Event::Greeting(Greeting::Ok(_))))
    ));
    client
}

fn output(client: &mut Client) -> String {
    String::from_utf8(client.take_output()).unwrap()
}

fn login(user: &str, password: &str) -> Command {
    Command::Login {
        user: user.into(),
        password: Password::new(password.into()),
    }
}

fn events(client: &mut Client) -> Vec<Event> {
    std::iter::from_fn(|| client.next_event().unwrap()).collect()
}

#[test]
fn row_1176_greet_wait_nothing_is_sent_before_the_greeting() {
    let mut client = Client::new(Client::DEFAULT_LIMITS);
    client.send(Command::Capability);
    assert_eq!(output(&mut client), "");
    client.receive(b"* OK [CAPABILITY IMAP4rev1] hello\r");
    assert_eq!(client.next_event(), Ok(None));
    client.receive(b"\n");
    let Ok(Some(Event::Greeting(Greeting::Ok(text)))) = client.next_event() else {
        panic!("no greeting")
    };
    assert!(matches!(text.code, Some(Code::Capability(_))));
    assert_eq!(output(&mut client), "t0000001 CAPABILITY\r\n");
}

#[test]
fn row_1064_greet_bye_nothing_is_ever_sent() {
    let mut client = Client::new(Client::DEFAULT_LIMITS);
    client.send(Command::Noop);
    client.receive(b"* BYE too busy\r\n* OK on second thoughts\r\n");
    assert!(matches!(
        client.next_event(),
        Ok(Some(Event::Greeting(Greeting::Bye(_))))
    ));
    assert_eq!(client.next_event(), Ok(None));
    assert_eq!(output(&mut client), "");
}

#[test]
fn row_2bis_greet_preauth() {
    let mut client = Client::new(Client::DEFAULT_LIMITS);
    client.receive(b"* PREAUTH ada\r\n");
    assert!(matches!(
        client.next_event(),
        Ok(Some(Event::Greeting(Greeting::PreAuth(_))))
    ));
}

#[test]
fn what_is_no_imap_server_is_named() {
    for (line, stranger) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], Stranger::Http),
        (b"+OK pop\r\n", Stranger::Pop),
        (b"220 smtp\r\n", Stranger::Smtp),
        (b"SSH-2.0-x\r\n", Stranger::Ssh),
        (b"\x15\x03\x01", Stranger::Tls),
        (b"* 3 EXISTS\r\n", Stranger::Unknown),
        (b"* NO\r\n", Stranger::Unknown),
        (b"\r\n", Stranger::Unknown),
    ] {
        let mut client = Client::new(Client::DEFAULT_LIMITS);
        client.receive(line);
        let failure = Err(ProtocolError::NotImap(stranger));
        assert_eq!(client.next_event(), failure);
        client.receive(b"* OK now I am\r\n");
        assert_eq!(
            client.next_event(),
            failure,
            "a failed connection stays failed"
        );
    }
}

#[test]
fn row_1064_lex_lit_c2s_no_octet_of_a_literal_goes_before_the_go_ahead() {
    let mut client = greeted();
    let tag = client.send(login("ada.l\"lo", "s\\p%d"));
    assert_eq!(output(&mut client), "t0000001 LOGIN {8}\r\n");
    client.receive(b"* NO warming up\r\n+ Ready\r\n");
    assert!(matches!(
        events(&mut client).as_slice(),
        [Event::Untagged(_), Event::GoAhead]
    ));
    assert_eq!(output(&mut client), "ada.l\"lo {5}\r\n");
    client.receive(b"+\r\n");
    assert_eq!(events(&mut client), [Event::GoAhead]);
    assert_eq!(output(&mut client), "s\\p%d\r\n");
    client.receive(b"t0000001 OK done\r\n");
    let [Event::Completed(completion)] = &events(&mut client)[..] else {
        panic!("not completed")
    };
    assert_eq!((completion.tag, completion.status), (tag, Status::Ok));
    assert!(client.outstanding().is_empty());
}

#[test]
fn row_1064_lex_lit_refused_the_rest_of_a_refused_command_is_never_sent() {
    let mut client = greeted();
    client.send(login("ada", "{secret}"));
    client.send(Command::Noop);
    assert_eq!(output(&mut client), "t0000001 LOGIN ada {8}\r\n");
    client.receive(b"t0000001 BAD no literals here\r\n");
    assert!(matches!(&events(&mut client)[..], [Event::Completed(c)] if c.status == Status::Bad));
    assert_eq!(output(&mut client), "t0000002 NOOP\r\n");
}

#[test]
fn with_literal_plus_nothing_waits() {
    let mut client = greeted();
    client.set_literals(ClientLiterals::Plus);
    let mailbox = MailboxName::from_bytes(b"caf\xe9").unwrap();
    client.send(Command::Append {
        mailbox,
        flags: Vec::new(),
        date: None,
        message: b"Hi\r\n".to_vec(),
    });
    assert_eq!(
        client.take_output(),
        b"t0000001 APPEND {4+}\r\ncaf\xe9 {4+}\r\nHi\r\n\r\n"
    );
}

#[test]
fn row_imap4_authenticate_challenges_and_cancels() {
    let credentials = |initial| Command::AuthenticatePlain {
        user: b"ada".to_vec(),
        password: Password::new(b"low-tide".to_vec()),
        initial,
    };
    let mut client = greeted();
    client.send(credentials(InitialResponse::Sent));
    assert_eq!(
        output(&mut client),
        "t0000001 AUTHENTICATE PLAIN AGFkYQBsb3ctdGlkZQ==\r\n"
    );
    client.receive(b"+ bW9yZT8=\r\n");
    assert!(
        matches!(&events(&mut client)[..], [Event::Challenge(text)] if text.text == b"bW9yZT8=")
    );
    client.cancel_authentication();
    assert_eq!(output(&mut client), "*\r\n");
    client.receive(b"t0000001 BAD cancelled\r\n");
    assert_eq!(events(&mut client).len(), 1);

    client.send(credentials(InitialResponse::Waits));
    assert_eq!(output(&mut client), "t0000002 AUTHENTICATE PLAIN\r\n");
    client.receive(b"+ \r\n");
    assert_eq!(events(&mut client), [Event::GoAhead]);
    assert_eq!(output(&mut client), "AGFkYQBsb3ctdGlkZQ==\r\n");
}

#[test]
fn row_1064_lex_tag_an_unknown_tag_is_told_and_completes_nothing() {
    let mut client = greeted();
    client.send(Command::Noop);
    client.receive(b"t0000009 OK who?\r\nT0000001 OK case counts\r\n\x01 OK odd\r\n");
    assert!(
        events(&mut client)
            .iter()
            .all(|event| matches!(event, Event::UnknownTag { .. }))
    );
    assert_eq!(client.outstanding().len(), 1);
}

#[test]
fn row_1176_pipeline_commands_without_literals_go_at_once() {
    let mut client = greeted();
    for seq in 1..=2 {
        let set = SequenceSet::single(SeqNum::new(seq).unwrap());
        client.send(Command::Fetch(Numbering::Sequence, set, FetchRequest::Fast));
    }
    assert_eq!(
        output(&mut client),
        "t0000001 FETCH 1 FAST\r\nt0000002 FETCH 2 FAST\r\n"
    );
    client.receive(b"t0000002 OK\r\nt0000001 NO\r\n");
    assert_eq!(events(&mut client).len(), 2);
    assert!(client.outstanding().is_empty());
}

#[test]
fn lines_and_literals_beyond_the_limits_end_the_connection() {
    let limits = FrameLimits {
        line: 30,
        literal: 10,
        literal_total: 15,
    };
    for (octets, failure) in [
        (
            &b"* OK hello\r\n* 12345 NOTHING AS LONG AS THIS\r\n"[..],
            ProtocolError::LineTooLong,
        ),
        (
            b"* OK hello\r\n* 1 X {11}\r\n",
            ProtocolError::LiteralTooLarge,
        ),
        (
            b"* OK hello\r\n* 1 X {9}\r\n123456789 {9}\r\n",
            ProtocolError::LiteralTooLarge,
        ),
        (
            b"* OK hello\r\n* 1 X {99999999999999999999}\r\n",
            ProtocolError::LiteralTooLarge,
        ),
    ] {
        let mut client = Client::new(limits);
        client.receive(octets);
        assert!(matches!(client.next_event(), Ok(Some(Event::Greeting(_)))));
        assert_eq!(client.next_event(), Err(failure));
    }
}

#[test]
fn octets_after_the_ok_to_starttls_are_noticed() {
    let mut client = greeted();
    client.send(Command::StartTls);
    client.receive(b"t0000001 OK begin\r\n* C");
    assert_eq!(events(&mut client).len(), 1);
    assert!(client.has_unread_input());
    let mut inside = Client::after_starttls(Client::DEFAULT_LIMITS);
    inside.send(Command::Capability);
    assert_eq!(output(&mut inside), "t0000001 CAPABILITY\r\n");
}

#[test]
fn a_connection_shows_no_secret() {
    let mut client = greeted();
    client.send(login("ada", "low-water"));
    let shown = format!("{client:?} {:?}", login("ada", "low-water"));
    assert!(!shown.contains("low-water"), "{shown}");
}

/// Everything a connection tells of these octets, and what it would send.
fn told(chunks: &[&[u8]], dialect: Dialect) -> (Vec<String>, Vec<u8>) {
    let limits = FrameLimits {
        line: 200,
        literal: 20,
        literal_total: 30,
    };
    let mut client = Client::new(limits);
    client.set_dialect(dialect);
    client.send(login("a\"", "b\\"));
    client.send(Command::Noop);
    let (mut told, mut sent) = (Vec::new(), Vec::new());
    for chunk in chunks {
        client.receive(chunk);
        loop {
            let event = client.next_event();
            sent.extend(client.take_output());
            match event {
                Ok(Some(event)) => told.push(format!("{event:?}")),
                Ok(None) => break,
                Err(failure) => {
                    told.push(failure.to_string());
                    return (told, sent);
                }
            }
        }
    }
    (told, sent)
}

proptest! {
    #[test]
    fn any_octets_are_told_the_same_in_any_chunks(octets in protocol_soup(), size in 1usize..20, escaped in any::<bool>()) {
        let octets = [b"* OK hello\r\n", octets.as_slice()].concat();
        let dialect = if escaped { Dialect::Imap4rev1 } else { Dialect::Rfc1176 };
        let chunks: Vec<_> = octets.chunks(size).collect();
        prop_assert_eq!(told(&chunks, dialect), told(&[&octets], dialect));
    }

    #[test]
    fn any_greeting_is_told_the_same_in_any_chunks(octets in prop::collection::vec(any::<u8>(), 0..60), size in 1usize..20) {
        let chunks: Vec<_> = octets.chunks(size).collect();
        prop_assert_eq!(told(&chunks, Dialect::Rfc1176), told(&[&octets], Dialect::Rfc1176));
    }
}
