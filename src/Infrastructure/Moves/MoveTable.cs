namespace Bsp.Infrastructure.Moves;

/// <summary>When a table's rows go over.</summary>
internal enum MoveTime
{
    /// <summary>Beforehand, and what changes afterwards.</summary>
    Early,

    /// <summary>After the switch: rows that tell background work what to do, which must not find them before.</summary>
    Late,
}

/// <summary>A table with an organization's rows, as the catalog describes it.</summary>
/// <param name="Name">With its schema: <c>bsp.media</c>.</param>
/// <param name="Owner">Column that names the organization.</param>
/// <param name="OwnerIsText">It is text, as Marten's <c>tenant_id</c>.</param>
/// <param name="Columns">All that are stored.</param>
/// <param name="Key">Columns that tell a row from all others, with their types.</param>
/// <param name="Identity">Column that the table numbers by itself: numbers are drawn anew; null: none.</param>
internal sealed record MoveTable(string Name, string Owner, bool OwnerIsText, IReadOnlyList<string> Columns,
    IReadOnlyList<(string Name, string Type)> Key, string? Identity, MoveTime Time, bool IsPartitioned = false)
{
    /// <summary>Columns as SQL lists them.</summary>
    public string ColumnList => string.Join(", ", Columns.Select(Quoted));

    /// <summary>The organization's rows.</summary>
    public string Where(Guid organizationId) => $"{Quoted(Owner)} = '{organizationId}'{(OwnerIsText ? "" : "::uuid")}";

    /// <summary>An identifier of the catalog.</summary>
    public static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
