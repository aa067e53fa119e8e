//! The classes of PostgreSQL's types that masks tell apart.

/// A class of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    Text,
    Padded,
    Char,
    Name,
    Json,
    Jsonb,
    Xml,
    Uuid,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Date,
    Timestamp,
    Timestamptz,
    Bytea,
    Other,
}

impl Base {
    /// The class of a kind by its name; what is not known is `Other`, whose masks are all NULL.
    pub fn named(kind: &str) -> Self {
        match kind {
            "text" | "varchar" => Self::Text,
            "bpchar" => Self::Padded,
            "char" => Self::Char,
            "name" => Self::Name,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "xml" => Self::Xml,
            "uuid" => Self::Uuid,
            "int2" => Self::Int2,
            "int4" => Self::Int4,
            "int8" => Self::Int8,
            "oid" => Self::Oid,
            "float4" => Self::Float4,
            "float8" => Self::Float8,
            "numeric" => Self::Numeric,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::Timestamptz,
            "bytea" => Self::Bytea,
            _ => Self::Other,
        }
    }

    /// Whether a value is its own text in both formats.
    pub fn textual(self) -> bool {
        matches!(
            self,
            Self::Text | Self::Padded | Self::Char | Self::Name | Self::Xml
        )
    }

    /// The largest whole number of the type.
    pub fn most(self) -> i64 {
        match self {
            Self::Int2 => i64::from(i16::MAX),
            Self::Int4 => i64::from(i32::MAX),
            Self::Oid => i64::from(u32::MAX),
            Self::Float4 => 1 << 24,
            Self::Float8 => 1 << 53,
            _ => i64::MAX,
        }
    }

    /// The number that the type makes of it.
    pub fn rounded(self, number: f64) -> f64 {
        #[allow(clippy::cast_possible_truncation)]
        match self {
            Self::Float4 => f64::from(number as f32),
            _ => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_name_here_is_other() {
        assert_eq!(Base::named("int4"), Base::Int4);
        for kind in ["", "bool", "interval", "array:int4", "INT4", "other"] {
            assert_eq!(Base::named(kind), Base::Other);
        }
    }

    #[test]
    fn whole_numbers_below_the_most_are_exact_in_their_type() {
        for base in [Base::Float4, Base::Float8] {
            #[allow(clippy::cast_precision_loss)]
            let most = base.most() as f64;
            assert_ne!(base.rounded(most - 1.0), base.rounded(most - 2.0));
            assert_eq!(base.rounded(most + 1.0), most);
        }
    }
}
