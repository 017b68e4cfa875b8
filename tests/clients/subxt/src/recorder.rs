//! A client's connection that remembers which methods went over it.
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use subxt::rpcs::client::{
    RawRpcFuture, RawRpcSubscription, RawValue, RpcClient, RpcClientT, jsonrpsee_client,
};

/// Names of methods, shared with the connection.
#[derive(Clone, Default)]
pub struct Methods(Arc<Mutex<BTreeSet<String>>>);

impl Methods {
    fn add(&self, method: &str) {
        self.0.lock().expect("nobody panics with it").insert(method.to_owned());
    }

    /// What was sent.
    pub fn sent(&self) -> BTreeSet<String> {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

struct Recorder<C> {
    methods: Methods,
    inner: C,
}

impl<C: RpcClientT> RpcClientT for Recorder<C> {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
    ) -> RawRpcFuture<'a, Box<RawValue>> {
        self.methods.add(method);
        self.inner.request_raw(method, params)
    }

    fn subscribe_raw<'a>(
        &'a self,
        sub: &'a str,
        params: Option<Box<RawValue>>,
        unsub: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        self.methods.add(sub);
        self.inner.subscribe_raw(sub, params, unsub)
    }
}

/// A connection and what goes over it.
pub async fn connect(url: &str) -> Result<(RpcClient, Methods), Box<dyn std::error::Error>> {
    let methods = Methods::default();
    let inner = jsonrpsee_client(url).await?;
    Ok((RpcClient::new(Recorder { methods: methods.clone(), inner }), methods))
}
