//! Structural comparison of a component's types with the contract's.
//!
//! A record is the same when its fields have the same names, order and types; a variant, enum or flags when its
//! cases have; a resource when it has the same name in an interface of the same name and version. What differs
//! first is told with the name of the type that it is in.

use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

/// What differs, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Difference {
    /// The type or the part of the function, such as ``record `object-ref` ``.
    pub(crate) place: String,
    /// What differs there.
    pub(crate) detail: String,
}

type Compared = Result<(), Difference>;

/// A pair of packages: the contract's and the component's.
pub(crate) struct Shapes<'a> {
    /// The contract's.
    pub(crate) host: &'a Resolve,
    /// The component's.
    pub(crate) guest: &'a Resolve,
}

impl Shapes<'_> {
    /// Whether a function has the same parameters and result on both sides.
    pub(crate) fn functions(&self, host: &Function, guest: &Function) -> Compared {
        let names = |f: &Function| f.params.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
        if names(host) != names(guest) {
            return Err(Difference {
                place: "its parameters".into(),
                detail: format!(
                    "({}) where the host has ({})",
                    names(guest).join(", "),
                    names(host).join(", ")
                ),
            });
        }
        for (h, g) in host.params.iter().zip(&guest.params) {
            self.types(&h.ty, &g.ty, &format!("parameter `{}`", h.name))?;
        }
        self.optional(host.result.as_ref(), guest.result.as_ref(), "its result")
    }

    fn optional(&self, host: Option<&Type>, guest: Option<&Type>, place: &str) -> Compared {
        match (host, guest) {
            (None, None) => Ok(()),
            (Some(h), Some(g)) => self.types(h, g, place),
            (h, g) => Err(Difference {
                place: place.to_owned(),
                detail: format!(
                    "{} where the host has {}",
                    g.map_or_else(|| "nothing".to_owned(), |g| shown(self.guest, g)),
                    h.map_or_else(|| "nothing".to_owned(), |h| shown(self.host, h)),
                ),
            }),
        }
    }

    fn types(&self, host: &Type, guest: &Type, place: &str) -> Compared {
        let (h, g) = (plain(self.host, *host), plain(self.guest, *guest));
        let differ = || Difference {
            place: place.to_owned(),
            detail: format!(
                "`{}` where the host has `{}`",
                shown(self.guest, guest),
                shown(self.host, host)
            ),
        };
        match (h, g) {
            (Type::Id(h), Type::Id(g)) => self.definitions(h, g, place, &differ),
            (h, g) if h == g => Ok(()),
            _ => Err(differ()),
        }
    }

    fn definitions(&self, h: TypeId, g: TypeId, place: &str, differ: &dyn Fn() -> Difference) -> Compared {
        use TypeDefKind as K;
        let inside = |kind: &str| match &self.host.types[h].name {
            Some(name) => format!("{kind} `{name}`"),
            None => place.to_owned(),
        };
        match (&self.host.types[h].kind, &self.guest.types[g].kind) {
            (K::Record(a), K::Record(b)) => {
                let a = a.fields.iter().map(|f| (f.name.as_str(), Some(&f.ty)));
                let b = b.fields.iter().map(|f| (f.name.as_str(), Some(&f.ty)));
                self.parts(a, b, "field", &inside("record"))
            }
            (K::Variant(a), K::Variant(b)) => {
                let a = a.cases.iter().map(|c| (c.name.as_str(), c.ty.as_ref()));
                let b = b.cases.iter().map(|c| (c.name.as_str(), c.ty.as_ref()));
                self.parts(a, b, "case", &inside("variant"))
            }
            (K::Enum(a), K::Enum(b)) => {
                let a = a.cases.iter().map(|c| (c.name.as_str(), None));
                let b = b.cases.iter().map(|c| (c.name.as_str(), None));
                self.parts(a, b, "case", &inside("enum"))
            }
            (K::Flags(a), K::Flags(b)) => {
                let a = a.flags.iter().map(|f| (f.name.as_str(), None));
                let b = b.flags.iter().map(|f| (f.name.as_str(), None));
                self.parts(a, b, "flag", &inside("flags"))
            }
            (K::Tuple(a), K::Tuple(b)) if a.types.len() == b.types.len() => a
                .types
                .iter()
                .zip(&b.types)
                .try_for_each(|(a, b)| self.types(a, b, place)),
            (K::Option(a), K::Option(b)) | (K::List(a), K::List(b)) => self.types(a, b, place),
            (K::Result(a), K::Result(b)) => {
                self.optional(a.ok.as_ref(), b.ok.as_ref(), place)?;
                self.optional(a.err.as_ref(), b.err.as_ref(), place)
            }
            (K::Handle(Handle::Borrow(a)), K::Handle(Handle::Borrow(b)))
            | (K::Handle(Handle::Own(a)), K::Handle(Handle::Own(b)))
                if resource(self.host, *a) == resource(self.guest, *b) =>
            {
                Ok(())
            }
            _ => Err(differ()),
        }
    }

    /// Fields or cases, which must agree in name, order and type.
    fn parts<'t>(
        &self,
        host: impl Iterator<Item = (&'t str, Option<&'t Type>)>,
        guest: impl Iterator<Item = (&'t str, Option<&'t Type>)>,
        what: &str,
        place: &str,
    ) -> Compared {
        let host: Vec<_> = host.collect();
        let guest: Vec<_> = guest.collect();
        let differ = |detail: String| Difference {
            place: place.to_owned(),
            detail,
        };
        let lacks = |all: &[(&str, Option<&Type>)], name: &str| !all.iter().any(|(n, _)| *n == name);
        if let Some((name, _)) = host.iter().find(|(name, _)| lacks(&guest, name)) {
            return Err(differ(format!("the component lacks {what} `{name}`")));
        }
        if let Some((name, _)) = guest.iter().find(|(name, _)| lacks(&host, name)) {
            return Err(differ(format!(
                "the component has {what} `{name}`, which the host does not know"
            )));
        }
        for ((name, h), (other, g)) in host.iter().zip(&guest) {
            if name != other {
                return Err(differ(format!("{what} `{other}` stands where the host has `{name}`")));
            }
            self.optional(*h, *g, &format!("{what} `{name}` of {place}"))?;
        }
        Ok(())
    }
}

/// The type behind names that were given to it.
fn plain(resolve: &Resolve, mut ty: Type) -> Type {
    while let Type::Id(id) = ty {
        match &resolve.types[id].kind {
            TypeDefKind::Type(inner) => ty = *inner,
            _ => break,
        }
    }
    ty
}

/// A resource's name with its interface, where both are known.
fn resource(resolve: &Resolve, id: TypeId) -> Option<(String, String)> {
    let Type::Id(id) = plain(resolve, Type::Id(id)) else {
        return None;
    };
    let definition = &resolve.types[id];
    let TypeOwner::Interface(interface) = definition.owner else {
        return None;
    };
    Some((resolve.id_of(interface)?, definition.name.clone()?))
}

/// A type as WIT writes it.
fn shown(resolve: &Resolve, ty: &Type) -> String {
    let id = match ty {
        Type::Id(id) => *id,
        simple => return format!("{simple:?}").to_lowercase(),
    };
    let definition = &resolve.types[id];
    if let Some(name) = &definition.name {
        return name.clone();
    }
    let part = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), |ty| shown(resolve, ty));
    match &definition.kind {
        TypeDefKind::Option(inner) => format!("option<{}>", shown(resolve, inner)),
        TypeDefKind::List(inner) => format!("list<{}>", shown(resolve, inner)),
        TypeDefKind::Result(r) => format!("result<{}, {}>", part(&r.ok), part(&r.err)),
        TypeDefKind::Tuple(t) => {
            let parts: Vec<_> = t.types.iter().map(|ty| shown(resolve, ty)).collect();
            format!("tuple<{}>", parts.join(", "))
        }
        TypeDefKind::Handle(Handle::Borrow(inner)) => {
            format!("borrow<{}>", shown(resolve, &Type::Id(*inner)))
        }
        TypeDefKind::Handle(Handle::Own(inner)) => shown(resolve, &Type::Id(*inner)),
        TypeDefKind::Type(inner) => shown(resolve, inner),
        other => other.as_str().to_owned(),
    }
}
