//! An operation of a document.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::ToSchema;

/// The schemas that operations refer to, by name.
pub(super) type Schemas = BTreeMap<String, Value>;

/// One method of one path.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: Cow<'static, str>,
    tag: &'static str,
    summary: Cow<'static, str>,
    parameters: Vec<Value>,
    body: Option<Value>,
    responses: BTreeMap<String, Value>,
    pub(super) schemas: Schemas,
}

impl Operation {
    pub(super) fn new(
        method: &'static str,
        path: impl Into<Cow<'static, str>>,
        tag: &'static str,
        summary: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (path, summary) = (path.into(), summary.into());
        let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters = in_path
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .collect();
        let (body, responses, schemas) = (None, BTreeMap::new(), Schemas::new());
        Self { method, path, tag, summary, parameters, body, responses, schemas }
    }

    /// Names of parameters in the query, separated by blanks: one that ends with `!` is required, one that ends with `*` can
    /// be repeated.
    pub(super) fn query(mut self, names: &str) -> Self {
        for name in names.split_whitespace() {
            let (name, is_required) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
            let (name, is_list) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
            let text = json!({"type": "string"});
            let schema = if is_list { json!({"type": "array", "items": text}) } else { text };
            self.parameters.push(json!({"name": name, "in": "query", "required": is_required, "schema": schema}));
        }
        self
    }

    /// A body of this type, in JSON.
    pub(super) fn body<T: ToSchema>(mut self) -> Self {
        let schema = self.refer::<T>();
        self.body = Some(json!({"required": true, "content": {"application/json": {"schema": schema}}}));
        self
    }

    /// A body that is an array of this type.
    pub(super) fn array_body<T: ToSchema>(mut self) -> Self {
        let schema = json!({"type": "array", "items": self.refer::<T>()});
        self.body = Some(json!({"required": true, "content": {"application/json": {"schema": schema}}}));
        self
    }

    /// A body with fields of these names, separated by blanks, in JSON or as a form; one that ends with `!` is required. The
    /// query may have them instead.
    pub(super) fn fields(mut self, names: &str) -> Self {
        let schema = object(names);
        let content = json!({
            "application/json": {"schema": schema},
            "application/x-www-form-urlencoded": {"schema": schema},
        });
        self.body = Some(json!({"content": content}));
        self
    }

    /// An answer of this type.
    pub(super) fn answer<T: ToSchema>(mut self, status: u16, description: &str) -> Self {
        let schema = self.refer::<T>();
        self.respond(status, description, Some(schema))
    }

    /// An answer that is an array of this type.
    pub(super) fn array<T: ToSchema>(mut self, status: u16, description: &str) -> Self {
        let schema = json!({"type": "array", "items": self.refer::<T>()});
        self.respond(status, description, Some(schema))
    }

    /// An answer whose fields have these names, separated by blanks.
    pub(super) fn object(self, status: u16, description: &str, names: &str) -> Self {
        self.respond(status, description, Some(object(names)))
    }

    /// An answer that is an array of objects, whose fields the documentation describes.
    pub(super) fn objects(self, status: u16, description: &str) -> Self {
        self.respond(status, description, Some(json!({"type": "array", "items": {"type": "object"}})))
    }

    /// An answer without a body, or with one that is not JSON.
    pub(super) fn status(self, status: u16, description: &str) -> Self {
        self.respond(status, description, None)
    }

    /// Errors of these statuses, of this type.
    pub(super) fn errors<T: ToSchema>(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            self = self.answer::<T>(*status, "An error");
        }
        self
    }

    fn respond(mut self, status: u16, description: &str, schema: Option<Value>) -> Self {
        let mut response = json!({"description": description});
        if let Some(schema) = schema {
            response["content"] = json!({"application/json": {"schema": schema}});
        }
        self.responses.insert(status.to_string(), response);
        self
    }

    /// Adds a type and those that it consists of; returns a reference to it.
    fn refer<T: ToSchema>(&mut self) -> Value {
        let mut parts = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut parts);
        for (name, schema) in parts {
            // A schema can be written as JSON.
            self.schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
        }
        json!({"$ref": format!("#/components/schemas/{}", T::name())})
    }

    /// The same at another path.
    pub(super) fn at(&self, path: String) -> Self {
        Self { path: path.into(), ..self.clone() }
    }

    /// The operation as OpenAPI has it.
    pub(super) fn show(&self) -> Value {
        let mut shown = json!({
            "tags": [self.tag],
            "summary": self.summary,
            "operationId": format!("{}{}", self.method, self.path).replace(|c: char| !c.is_ascii_alphanumeric(), "_"),
            "parameters": self.parameters,
            "responses": self.responses,
        });
        if let Some(body) = &self.body {
            shown["requestBody"] = body.clone();
        }
        shown
    }
}

/// An object with fields of these names; one that ends with `!` is required.
fn object(names: &str) -> Value {
    let fields = names.split_whitespace().map(|name| (name.trim_end_matches('!'), name.ends_with('!')));
    let properties: BTreeMap<_, _> = fields.clone().map(|(name, _)| (name, json!({}))).collect();
    let required: Vec<_> = fields.filter(|(_, is_required)| *is_required).map(|(name, _)| name).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}
