//! A DNS server that belongs to one test.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, Metadata, ResponseCode};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::{eventually, spawn};

/// Names and their addresses: one list for each lookup of the name; the last list also serves all later lookups.
type Zone = HashMap<String, Vec<Vec<IpAddr>>>;

/// A server on loopback. Its answers have a time to live of zero, so that clients do not cache them.
#[derive(Clone)]
pub(crate) struct Dns {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    /// Names that the server answers with an error.
    broken: Arc<Mutex<HashMap<String, ResponseCode>>>,
    /// Names that clients have looked up.
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

    /// Sets the addresses of a name; each lookup gets the next list, and the last list stays.
    pub(crate) fn set(&self, name: &str, addresses: &[&[&str]]) {
        let parse = |list: &&[&str]| list.iter().map(|text| text.parse().expect("an address")).collect();
        self.zone.lock().unwrap().insert(name.to_owned(), addresses.iter().map(parse).collect());
    }

    /// Stops answering lookups of a name.
    pub(crate) fn silence(&self, name: &str) {
        self.zone.lock().unwrap().insert(name.to_owned(), vec![]);
    }

    /// Answers lookups of a name with an error.
    pub(crate) fn fail(&self, name: &str, code: ResponseCode) {
        self.broken.lock().unwrap().insert(name.to_owned(), code);
    }

    /// Waits until clients have looked up `count` names.
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
        // Each lookup asks for A and AAAA; the question for A ends a turn.
        if query.query_type() == RecordType::A && turns.len() > 1 {
            turns.remove(0);
        }
        Some(answer)
    }
}
