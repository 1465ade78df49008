using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;
using FluentValidation;
using FluentValidation.Results;

namespace Bsp.Infrastructure.Common;

/// <summary>An UPDATE of the columns that a merge patch names, under the row's version.</summary>
/// <param name="table">With columns <c>id</c>, <c>row_version</c> and, unless <paramref name="touch"/> is false, <c>updated_at</c>.</param>
public sealed class RowPatch(string table, Guid id, bool touch = true)
{
    private readonly List<string> assignments = [];
    private readonly List<object?> arguments = [id, null];
    private readonly List<string> changed = [];

    /// <summary>Names of the columns that it sets.</summary>
    public IReadOnlyList<string> Changed => changed;

    /// <summary>Sets the column when the patch names it.</summary>
    /// <param name="cast"><c>::jsonb</c> and the like.</param>
    public RowPatch Set<T>(string column, Optional<T> value, string cast = "") => value.IsSet ? Set(column, value.Value, cast) : this;

    /// <summary>Sets the column.</summary>
    public RowPatch Set(string column, object? value, string cast = "")
    {
        arguments.Add(value);
        changed.Add(column);
        assignments.Add($"{column} = ${arguments.Count}{cast}");
        return this;
    }

    /// <summary>Merges a patch into a jsonb column, which stays locked until the transaction ends; null empties it.</summary>
    /// <exception cref="ValidationException">What comes of it cannot be kept (<see cref="KeptJson"/>).</exception>
    public async Task<RowPatch> MergeAsync(TenantTransaction transaction, string column, Optional<JsonElement?> patch, CancellationToken ct)
    {
        if (!patch.IsSet)
        {
            return this;
        }

        var found = await transaction.QueryAsync($"SELECT {column}::text FROM {table} WHERE id = $1 FOR UPDATE", r => r.Json(0), ct, id);
        if (patch.Value is not { ValueKind: JsonValueKind.Object } change || found is not [var before])
        {
            return Set(column, "{}", "::jsonb");
        }

        // Of the whole, not of the patch: small patches add up.
        var merged = MergePatch.Apply(before, change);
        return Rules.ObjectFault(merged) is { } fault
            ? throw new ValidationException([new ValidationFailure(column, fault)])
            : Set(column, merged.GetRawText(), "::jsonb");
    }

    /// <summary>The version after it; a patch that names nothing leaves the version.</summary>
    /// <exception cref="VersionConflict">The row has another version than <paramref name="seenVersion"/>.</exception>
    /// <exception cref="Refusal"><paramref name="unknownCode"/>: there is no such row.</exception>
    public async Task<Done> RunAsync(TenantTransaction transaction, long? seenVersion, string unknownCode, CancellationToken ct)
    {
        var found = await transaction.QueryAsync($"SELECT row_version FROM {table} WHERE id = $1 FOR UPDATE", r => r.GetInt64(0), ct, id);
        if (found is not [var version])
        {
            throw new Refusal(unknownCode, "There is no such resource.");
        }

        if (seenVersion is { } seen && seen != version)
        {
            throw new VersionConflict(id, named: true);
        }

        if (assignments.Count == 0)
        {
            return new(id, version);
        }

        arguments[1] = version + 1;
        await transaction.ExecuteAsync(
            $"UPDATE {table} SET {string.Join(", ", assignments)}, row_version = $2{(touch ? ", updated_at = now()" : "")} WHERE id = $1",
            ct, [.. arguments]);
        return new(id, version + 1);
    }
}
