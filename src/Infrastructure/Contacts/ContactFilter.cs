using System.Text;
using System.Text.Json;
using Bsp.Application.Contacts;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// A filter as SQL: a condition over <c>contacts</c> and its parameters. No text of the client's ever becomes part of the SQL.
/// </summary>
/// <param name="Sql">For a WHERE; in brackets. The organization is not in it: row-level security or the caller names it.</param>
/// <param name="Parameters">In order, the first being <c>$first</c>.</param>
public sealed record ContactFilter(string Sql, IReadOnlyList<object> Parameters)
{
    /// <summary>Compiles a filter as clients write it.</summary>
    /// <param name="first">Number of its first parameter: 3 when the statement has $1 and $2 of its own.</param>
    /// <param name="alias">Of the table contacts in the statement.</param>
    /// <exception cref="FilterFault">It is not well-formed.</exception>
    public static ContactFilter Compile(JsonElement filter, int first = 1, string alias = "c") =>
        Compile(FilterExpression.Parse(filter), first, alias);

    /// <summary>Compiles a filter that was read.</summary>
    public static ContactFilter Compile(FilterExpression filter, int first = 1, string alias = "c")
    {
        var compiler = new Compiler(first, alias);
        return new(compiler.Write(filter), compiler.Parameters);
    }

    private sealed class Compiler(int first, string alias)
    {
        public List<object> Parameters { get; } = [];

        public string Write(FilterExpression expression) => expression switch
        {
            FilterAll { Parts.Count: 0 } => "(true)",
            FilterAll all => $"({string.Join(" AND ", all.Parts.Select(Write))})",
            FilterAny any => $"({string.Join(" OR ", any.Parts.Select(Write))})",
            FilterNot not => $"(({Write(not.Part)}) IS NOT TRUE)",
            FilterCondition condition => $"({Condition(condition)})",
            _ => throw new InvalidOperationException($"ContactFilter does not know {expression.GetType().Name}."),
        };

        // Field names come from FilterFields' own table, never from the client.
        private string Condition(FilterCondition condition) => condition.Kind switch
        {
            FieldKind.Tags => Tags(condition),
            FieldKind.Custom => Custom(condition),
            FieldKind.Time => Time(condition),
            FieldKind.Number => $"{alias}.{condition.Field} {Comparison(condition.Op)} {Add(condition.Value)}",
            _ => Text($"{alias}.{condition.Field}", condition),
        };

        private string Text(string operand, FilterCondition condition) => condition.Op switch
        {
            "eq" => $"{operand} = {Add(condition.Value)}",
            "ne" => $"{operand} IS DISTINCT FROM {Add(condition.Value)}",
            "in" => $"{operand} = ANY ({Add(condition.Value)})",
            "not_in" => $"({operand} = ANY ({Add(condition.Value)})) IS NOT TRUE",
            "starts_with" => $"{operand} ILIKE {Add($"{Escape((string)condition.Value)}%")}",
            "contains" => $"{operand} ILIKE {Add($"%{Escape((string)condition.Value)}%")}",
            "exists" => Exists(operand, condition),
            _ => throw Unknown(condition),
        };

        private string Tags(FilterCondition condition) => condition.Op switch
        {
            "has" => $"{alias}.tags @> {AddJson(new[] { (string)condition.Value })}",
            "has_all" => $"{alias}.tags @> {AddJson((string[])condition.Value)}",
            "has_any" => $"{alias}.tags ?| {Add(condition.Value)}",
            "has_none" => $"NOT ({alias}.tags ?| {Add(condition.Value)})",
            "exists" => (bool)condition.Value ? $"{alias}.tags <> '[]'::jsonb" : $"{alias}.tags = '[]'::jsonb",
            _ => throw Unknown(condition),
        };

        // Numbers are compared as numbers where the stored value is one; a text in its place is simply not greater or less.
        private string Custom(FilterCondition condition)
        {
            var key = Add(condition.Key!);
            return condition.Op is "gt" or "gte" or "lt" or "lte"
                ? $"CASE WHEN jsonb_typeof({alias}.custom_fields -> {key}) = 'number' THEN ({alias}.custom_fields ->> {key})::numeric {Comparison(condition.Op)} {Add(condition.Value)} END"
                : Text($"({alias}.custom_fields ->> {key})", condition);
        }

        private string Time(FilterCondition condition) => condition.Op switch
        {
            "within_days" => $"{alias}.{condition.Field} >= now() - make_interval(days => {Add((int)(long)condition.Value)})",
            "older_than_days" => $"{alias}.{condition.Field} < now() - make_interval(days => {Add((int)(long)condition.Value)})",
            "exists" => Exists($"{alias}.{condition.Field}", condition),
            _ => $"{alias}.{condition.Field} {Comparison(condition.Op)} {Add(condition.Value)}",
        };

        private static string Exists(string operand, FilterCondition condition) =>
            $"{operand} IS {((bool)condition.Value ? "NOT " : "")}NULL";

        private static string Comparison(string op) => op switch
        {
            "eq" => "=", "ne" => "<>", "gt" or "after" => ">", "gte" => ">=", "lt" or "before" => "<", "lte" => "<=",
            _ => throw new InvalidOperationException($"ContactFilter does not know the operator {op}."),
        };

        private string Add(object value)
        {
            Parameters.Add(value);
            return $"${first + Parameters.Count - 1}";
        }

        private string AddJson(string[] values)
        {
            Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Jsonb, Value = JsonSerializer.Serialize(values) });
            return $"${first + Parameters.Count - 1}";
        }

        private static InvalidOperationException Unknown(FilterCondition condition) =>
            new($"ContactFilter does not know {condition.Kind}.{condition.Op}.");
    }

    /// <summary>A text as a LIKE pattern that means itself.</summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            escaped.Append(c is '%' or '_' or '\\' ? "\\" : "").Append(c);
        }

        return escaped.ToString();
    }
}
