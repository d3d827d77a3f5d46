//! The `lowtide` binary.
#[tokio::main]
async fn main() {
    let c = lowtide::config::Config::load(std::path::Path::new(&std::env::args().nth(1).unwrap()))
        .unwrap();
    tracing_subscriber::fmt::init();
    for a in c.accounts.values() {
        let store = lowtide::store::Store::open(
            &c.storage.account_dir(&a.name),
            lowtide::store::Kind::Mirror,
        )
        .unwrap();
        let t = std::time::Instant::now();
        let o = lowtide::daemon::visit(
            a.upstream.as_ref().unwrap(),
            &store,
            &Default::default(),
            &lowtide::daemon::Progress::silent(),
        )
        .await;
        println!("{o:#?} {:?}", t.elapsed());
    }
}
