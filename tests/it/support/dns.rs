//! A DNS server of a test's own.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, Metadata, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::{eventually, spawn};

/// Names and their addresses: one list for each time that a name is asked for, the last one from then on.
type Zone = HashMap<String, Vec<Vec<IpAddr>>>;

/// A server on loopback. What it says may not be kept.
#[derive(Clone)]
pub(crate) struct Dns {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    /// Names for which there is only an error.
    broken: Arc<Mutex<HashMap<String, ResponseCode>>>,
    /// Names that have been asked for.
    asked: Arc<Mutex<HashSet<String>>>,
}

impl Dns {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let dns = Self {
            address: socket.local_addr().expect("an address"),
            zone: Arc::default(),
            broken: Arc::default(),
            asked: Arc::default(),
        };
        let serving = dns.clone();
        spawn(async move {
            let mut buffer = [0; 1_500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let question = Message::from_vec(&buffer[..length]).expect("a question");
                if let Some(answer) = serving.answer(&question) {
                    socket.send_to(&answer.to_vec().expect("an answer"), from).await.expect("it is sent");
                }
            }
        });
        dns
    }

    /// Has a name lead to these addresses, or to these one after another.
    pub(crate) fn set(&self, name: &str, addresses: &[&[&str]]) {
        let parse = |list: &&[&str]| list.iter().map(|text| text.parse().expect("an address")).collect();
        self.zone.lock().unwrap().insert(name.to_owned(), addresses.iter().map(parse).collect());
    }

    /// Has a name never be answered for.
    pub(crate) fn silence(&self, name: &str) {
        self.zone.lock().unwrap().insert(name.to_owned(), vec![]);
    }

    /// Has a name be answered for with an error.
    pub(crate) fn fail(&self, name: &str, code: ResponseCode) {
        self.broken.lock().unwrap().insert(name.to_owned(), code);
    }

    /// Waits until so many names have been asked for.
    pub(crate) async fn until_asked(&self, count: usize) {
        eventually(&format!("{count} names are asked for"), async || {
            (self.asked.lock().unwrap().len() >= count).then_some(())
        })
        .await;
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn answer(&self, question: &Message) -> Option<Message> {
        let query = &question.queries[0];
        let labels = query.name().iter().map(|label| String::from_utf8_lossy(label).to_lowercase());
        let name = labels.collect::<Vec<_>>().join(".");
        self.asked.lock().unwrap().insert(name.clone());
        let mut zone = self.zone.lock().unwrap();
        let mut answer = question.clone().into_response();
        answer.metadata = Metadata::response_from_request(&question.metadata);
        answer.metadata.recursion_available = true;
        if let Some(code) = self.broken.lock().unwrap().get(&name) {
            answer.metadata.response_code = *code;
            return Some(answer);
        }
        let Some(turns) = zone.get_mut(&name) else {
            answer.metadata.response_code = ResponseCode::NXDomain;
            return Some(answer);
        };
        let addresses = turns.first()?.clone();
        for address in addresses {
            let (of, data) = match address {
                IpAddr::V4(address) => (RecordType::A, RData::A(address.into())),
                IpAddr::V6(address) => (RecordType::AAAA, RData::AAAA(address.into())),
            };
            if of == query.query_type() {
                answer.add_answer(Record::from_rdata(query.name().clone(), 0, data));
            }
        }
        // Each lookup asks for both kinds; a turn is over with the first.
        if query.query_type() == RecordType::A && turns.len() > 1 {
            turns.remove(0);
        }
        Some(answer)
    }
}
