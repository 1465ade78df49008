using System.Text;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>An erased person's rows in files that are being taken in, and in what was rejected of earlier ones.</summary>
public sealed class ImportTraces(ISecrets secrets)
{
    // What is left of a number without the country code (1–3 digits), at least: it stands in every way of writing it. Shorter ones are told
    // apart by the whole number only.
    private const int CountryDigitsMax = 3;
    private const int NationalDigitsMin = 7;

    /// <summary>
    /// Rejects keep their line and reason and lose what they were; what a failed import has left in staging goes whole. Rows that still
    /// wait are rejected when their turn comes.
    /// A bad row is often one whose number is written without its country code, or whose cells ran into each other: so a cell is the
    /// person's that has their number's digits anywhere in it, or a user id or
    /// address as a word, whatever the case. Somebody else's bad row may go with it; line and reason stay.
    /// </summary>
    internal async Task EraseAsync(Shard shard, Guid organizationId, ErasedIdentities identities, CancellationToken ct)
    {
        var digits = identities.Phones.Select(p => Digits(p.TrimStart('+'))).ToArray();
        var words = identities.UserIds.Concat(identities.Emails).Select(Word).ToArray();
        foreach (var import in await shard.QueryAsync(organizationId,
            "SELECT id FROM bsp.imports WHERE organization_id = $1 AND rejected > 0 AND rejects_kept ORDER BY id", r =>
                r.GetGuid(0), ct, organizationId))
        {
            await using var one = await shard.BeginAsync(organizationId, ct);
            await one.ExecuteAsync("""
                UPDATE bsp.import_rejects r SET fields = '[]' WHERE r.organization_id = $1 AND r.import_id = $2 AND r.fields <> '[]' AND EXISTS (
                  SELECT FROM jsonb_array_elements_text(r.fields) AS f
                   WHERE EXISTS (SELECT FROM unnest($3::text[]) AS d WHERE position(d IN regexp_replace(f, '\D', '', 'g')) > 0) OR f ~* ANY ($4::text[]))
                """, ct, organizationId, import, digits, words);
            await one.CommitAsync(ct);
        }

        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync(
            "DELETE FROM bsp.import_rows r USING bsp.imports i WHERE i.id = r.import_id AND i.organization_id = $1 AND i.status = 'failed'", ct, organizationId);
        await transaction.CommitAsync(ct);
    }

    private static string Digits(string phone) => phone.Length >= CountryDigitsMax + NationalDigitsMin ? phone[CountryDigitsMax..] : phone;

    // A pattern of PostgreSQL's: the text itself, and no letter, digit or sign of an address beside it.
    private static string Word(string text) =>
        $"(^|[^[:alnum:]._%+-]){string.Concat(text.EnumerateRunes().Select(r => Rune.IsLetterOrDigit(r) || r.Value == ' ' ? $"{r}" : $"\\{r}"))}($|[^[:alnum:]_@-])";

    /// <summary>
    /// A file that was sent in before the erasure is still being taken in. It may name the person, so the erasure is not over.
    /// </summary>
    internal async Task<bool> UnderWayAsync(Shard shard, Guid organizationId, Guid erasedId, CancellationToken ct) =>
        await shard.FirstAsync(organizationId, """
        SELECT 1 FROM bsp.imports i JOIN bsp.contact_erasures e ON e.contact_id = $2 WHERE i.organization_id = $1 AND i.status IN ('queued', 'running') AND i.created_at <= e.requested_at LIMIT 1
        """, r => r.GetInt32(0), ct, organizationId, erasedId) == 1;

    /// <summary>Whose rows a file that was sent in at that time may no longer bring in: erasures ordered after it.</summary>
    internal async Task<IReadOnlySet<string>> ErasedSinceAsync(TenantTransaction transaction, Guid organizationId, Guid importId,
        CancellationToken ct)
    {
        var open = await transaction.QueryAsync("""
            SELECT e.identities FROM bsp.contact_erasures e JOIN bsp.imports i ON i.id = $2 AND e.requested_at >= i.created_at
             WHERE e.organization_id = $1 AND e.identities IS NOT NULL
            """, r => r.GetString(0), ct, organizationId, importId);
        return open.Select(text => JsonSerializer.Deserialize<ErasedIdentities>(secrets.Open(text))!)
            .SelectMany(i => i.Phones.Concat(i.UserIds)).ToHashSet();
    }
}
