//! Which modules of a crate import which, read from the source text.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, iter,
    path::Path,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module's path, without `crate`. The root of the crate is the empty path.
pub type Module = Vec<String>;

/// The modules of a crate that have a file of their own.
pub struct Imports(BTreeMap<Module, File>);

#[derive(Default)]
struct File {
    /// Everything that is named by a path.
    paths: Vec<Named>,
    /// How often each identifier occurs.
    words: BTreeMap<String, usize>,
    /// The macros that are called.
    macros: BTreeSet<String>,
}

struct Named {
    path: Vec<String>,
    /// The inline modules around it.
    inside: Vec<String>,
    /// The name that `use` brings into scope.
    name: Option<String>,
    is_reexported: bool,
}

impl Imports {
    /// Reads the library in `src` or, if there is none, the program.
    pub fn of(src: &Path) -> Self {
        let mut texts = BTreeMap::new();
        add(src, &mut Module::new(), &mut texts);
        Self::from_texts(texts)
    }

    /// Reads modules with these source texts.
    pub fn from_texts<T: AsRef<str>>(texts: impl IntoIterator<Item = (Module, T)>) -> Self {
        let file = |(module, text): (Module, T)| {
            let mut file = File::default();
            let tokens = text.as_ref().parse().unwrap_or_else(|error| panic!("{module:?}: {error}"));
            file.read(tokens, &[]);
            (module, file)
        };
        Self(texts.into_iter().map(file).collect())
    }

    /// Which module imports which. An import of a re-exported item counts as an import from the module that defines it; the
    /// re-export itself does not count.
    pub fn arrows(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let arrows = |(module, file): (&Module, &File)| {
            let imported = file.paths.iter().filter(|named| !file.only_reexports(named));
            let imported = imported.filter_map(|named| self.target(module, named)).filter(|target| target != module);
            (module.clone(), imported.collect())
        };
        self.0.iter().map(arrows).collect()
    }

    /// The modules that use the external crate `name`.
    pub fn users_of(&self, name: &str) -> impl Iterator<Item = &Module> {
        let uses = move |file: &File| file.paths.iter().any(|named| named.path[0] == name);
        self.0.iter().filter(move |(_, file)| uses(file)).map(|(module, _)| module)
    }

    /// The modules that call the macro `name`.
    pub fn callers_of(&self, name: &str) -> impl Iterator<Item = &Module> {
        self.0.iter().filter(move |(_, file)| file.macros.contains(name)).map(|(module, _)| module)
    }

    /// The module of this crate that defines what is named, if one does.
    fn target(&self, module: &Module, named: &Named) -> Option<Module> {
        let path = self.absolute(module, named)?;
        Some(self.resolve(&path, &mut BTreeSet::new()))
    }

    fn absolute(&self, module: &Module, Named { path, inside, .. }: &Named) -> Option<Vec<String>> {
        let ups = path.iter().take_while(|segment| *segment == "super").count();
        match path[0].as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => inside.is_empty().then(|| [module, &path[1..]].concat()),
            // Stays within the file.
            "super" if ups < inside.len() => None,
            "super" => {
                let base = module.get(..module.len().checked_sub(ups - inside.len())?)?;
                Some([base, &path[ups..]].concat())
            }
            child => {
                let is_child =
                    inside.is_empty() && self.0.contains_key(&[module.as_slice(), &[child.to_owned()]].concat());
                is_child.then(|| [module.as_slice(), path].concat())
            }
        }
    }

    /// Descends through the modules, and follows re-exports.
    fn resolve(&self, path: &[String], seen: &mut BTreeSet<Vec<String>>) -> Module {
        let mut module = Module::new();
        for (index, segment) in path.iter().enumerate() {
            module.push(segment.clone());
            if self.0.contains_key(&module) {
                continue;
            }
            module.pop();
            let known = self.0.get(&module).into_iter().flat_map(|file| &file.paths);
            let known = known.filter(|named| named.inside.is_empty());
            let mut elsewhere = known.filter(|named| named.name.as_ref() == Some(segment));
            let elsewhere = elsewhere.find_map(|named| self.absolute(&module, named));
            return match elsewhere {
                Some(elsewhere) if seen.insert(elsewhere.clone()) => {
                    self.resolve(&[elsewhere.as_slice(), &path[index + 1..]].concat(), seen)
                }
                _ => module,
            };
        }
        module
    }
}

/// The circles: sets of modules that all import one another, directly or through others.
pub fn circles(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reached = |from: &Module| {
        let mut reached = BTreeSet::new();
        let mut next = vec![from];
        while let Some(module) = next.pop() {
            next.extend(arrows.get(module).into_iter().flatten().filter(|to| reached.insert((*to).clone())));
        }
        reached
    };
    let reached: BTreeMap<_, _> = arrows.keys().map(|module| (module, reached(module))).collect();
    let circles = reached.iter().filter(|(module, to)| to.contains(**module));
    let circles = circles.map(|(module, to)| to.iter().filter(|to| reached[to].contains(*module)).cloned().collect());
    circles.collect::<BTreeSet<_>>().into_iter().collect()
}

impl File {
    /// Whether it is re-exported and not used otherwise.
    fn only_reexports(&self, named: &Named) -> bool {
        named.is_reexported && named.name.as_ref().is_some_and(|name| self.words.get(name) == Some(&1))
    }

    fn read(&mut self, tokens: TokenStream, inside: &[String]) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let word = |index: usize| match tokens.get(index) {
            Some(TokenTree::Ident(word)) => Some(word.to_string()),
            _ => None,
        };
        let is = |index: usize, sign| matches!(tokens.get(index), Some(TokenTree::Punct(it)) if it.as_char() == sign);
        let is_path = |index| is(index, ':') && is(index + 1, ':');
        let mut index = 0;
        let mut is_public = false;
        while let Some(token) = tokens.get(index) {
            index += 1;
            match token {
                TokenTree::Group(group) => self.read(group.stream(), inside),
                TokenTree::Ident(it) => {
                    let it = it.to_string();
                    *self.words.entry(it.clone()).or_default() += 1;
                    match (it.as_str(), tokens.get(index), tokens.get(index + 1)) {
                        ("pub", next, _) => {
                            is_public = true;
                            // `(in crate::here)` imports nothing.
                            index += usize::from(matches!(next, Some(TokenTree::Group(_))));
                            continue;
                        }
                        ("mod", Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) => {
                            self.read(body.stream(), &[inside, &[name.to_string()]].concat());
                            index += 2;
                        }
                        ("use", ..) => {
                            let end = (index..tokens.len()).find(|end| is(*end, ';')).unwrap_or(tokens.len());
                            for (path, name) in leaves(&tokens[index..end]) {
                                let alias = Some(&name).filter(|name| path.last() != Some(name));
                                for word in path.iter().chain(alias) {
                                    *self.words.entry(word.clone()).or_default() += 1;
                                }
                                let (inside, name) = (inside.to_vec(), Some(name));
                                self.paths.push(Named { path, inside, name, is_reexported: is_public });
                            }
                            index = end;
                        }
                        _ if is(index, '!') => {
                            self.macros.insert(it);
                        }
                        _ if is_path(index) && !(index >= 3 && is_path(index - 3)) => {
                            let mut path = vec![it];
                            while let Some(segment) = word(index + 2).filter(|_| is_path(index)) {
                                path.push(segment);
                                index += 3;
                            }
                            self.paths.push(Named { path, inside: inside.to_vec(), name: None, is_reexported: false });
                        }
                        _ => {}
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            is_public = false;
        }
    }
}

/// The paths of a `use` tree, each with the name that it brings into scope.
fn leaves(tree: &[TokenTree]) -> Vec<(Vec<String>, String)> {
    let mut path = Vec::new();
    let mut name = None;
    for (index, token) in tree.iter().enumerate() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let tokens: Vec<_> = group.stream().into_iter().collect();
                let branches = tokens.split(|token| matches!(token, TokenTree::Punct(it) if it.as_char() == ','));
                let prefixed = |(rest, name): (Vec<String>, String)| ([path.as_slice(), &rest].concat(), name);
                return branches.flat_map(leaves).map(prefixed).map(without_self).collect();
            }
            TokenTree::Ident(it) if *it == "as" => {
                name = tree.get(index + 1).map(ToString::to_string);
                break;
            }
            TokenTree::Ident(it) => path.push(it.to_string()),
            TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    let name = name.or_else(|| path.last().cloned());
    name.map(|name| (path, name)).into_iter().collect()
}

/// `a::{self}` is `a`.
fn without_self((mut path, mut name): (Vec<String>, String)) -> (Vec<String>, String) {
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
        if name == "self" {
            name.clone_from(&path[path.len() - 1]);
        }
    }
    (path, name)
}

fn add(folder: &Path, module: &mut Module, texts: &mut BTreeMap<Module, String>) {
    let is_library = folder.join("lib.rs").exists();
    for entry in fs::read_dir(folder).expect("the sources can be read") {
        let path = entry.expect("the sources can be read").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("names of modules are text").to_owned();
        if path.is_dir() {
            // Programs of their own lie in `bin`.
            if !(module.is_empty() && name == "bin") {
                module.push(name);
                add(&path, module, texts);
                module.pop();
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && !(is_library && name == "main") {
            let text = fs::read_to_string(&path).expect("the sources can be read");
            let is_own = ["lib", "main", "mod"].contains(&name.as_str());
            let key = module.iter().cloned().chain(iter::once(name).filter(|_| !is_own)).collect();
            texts.insert(key, text);
        }
    }
}
