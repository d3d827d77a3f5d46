//! The demo's mail: a little of every awkward kind.

/// One message of the demo, for a mailbox of its server.
pub(super) struct Letter {
    pub(super) mailbox: &'static str,
    pub(super) flags: &'static str,
    pub(super) date: &'static str,
    pub(super) octets: Vec<u8>,
}

/// The mail that the server holds when the demo begins. The numbers in the story are positions in this list.
pub(super) fn letters() -> Vec<Letter> {
    let mut letters = vec![
        plain("Harbour office", "Berth 7 is yours from Monday", "The fee is paid until autumn."),
        plain("Ines", "Lunch on the pier?", "Twelve o'clock, bring a hat."),
        plain("Tide tables", "Low water this week", "Mon 06:12  Tue 07:01  Wed 07:55"),
        plain("Tide tables", "Low water this week", "Mon 06:12  Tue 07:01  Wed 07:55"),
        text(
            "From: =?iso-8859-1?Q?J=F6rg?= <joerg@werft.example>\r\nSubject: =?utf-8?B?UsOkdW11bmc=?= am \"Kai\"\r\n\
             Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n",
            b"Gr\xfc\xdfe aus der Werft. 100 % {fertig}.",
        ),
        text(
            "From: \"Ada \\\"Low\\\" L\" <ada@tide.example>\r\nTo: crew: bo@tide.example, cy@tide.example;\r\n\
             Subject: photographs\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=knot\r\n",
            b"--knot\r\nContent-Type: text/plain\r\n\r\nTwo pictures.\r\n--knot\r\nContent-Type: image/png\r\n\
              Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgoAAAANSUhEUg==\r\n--knot\r\nContent-Type: message/rfc822\r\n\r\n\
              Subject: the letter inside\r\n\r\nWith a text of its own.\r\n--knot--\r\n",
        ),
        text("X-Only: no sender, no date, no subject\r\n", b"Nobody signed this.\r\n"),
        text("Subject: no text at all\r\nFrom: silent@tide.example\r\n", b""),
        plain("Ines", "The key to the shed", "It is under the third stone."),
        plain("Newsletter", "247 offers you will not read", &"Buy a boat. ".repeat(400)),
        plain("Bo", "Draft of the route", "From the light at Skagen, then north."),
        plain("Harbour office", "Your invoice", "Amount: 42.00. Thank you."),
    ];
    letters.extend([
        Letter {
            mailbox: "receipts",
            ..plain("Chandlery", "Receipt: 20 m of rope", "Paid in cash.")
        },
        Letter {
            mailbox: "receipts",
            flags: "\\Seen",
            ..plain("Chandlery", "Receipt: paint", "Two tins, red.")
        },
    ]);
    letters
}

fn plain(sender: &str, subject: &str, body: &str) -> Letter {
    let name = sender.to_ascii_lowercase().replace(' ', ".");
    let header = format!(
        "Date: Mon, 4 Mar 1991 07:14:58 +0000\r\nFrom: {sender} <{name}@tide.example>\r\nTo: You <you@tide.example>\r\n\
         Subject: {subject}\r\nMessage-ID: <{}@tide.example>\r\n",
        subject
            .to_ascii_lowercase()
            .replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
    );
    text(&header, format!("{body}\r\n").as_bytes())
}

fn text(header: &str, body: &[u8]) -> Letter {
    let octets = [header.as_bytes(), b"\r\n", body].concat();
    Letter {
        mailbox: "INBOX",
        flags: "",
        date: "04-Mar-1991 07:15:09 +0000",
        octets,
    }
}
