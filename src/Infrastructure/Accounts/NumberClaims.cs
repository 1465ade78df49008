using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Sharding;
using Bsp.Infrastructure.Webhooks;

namespace Bsp.Infrastructure.Accounts;

/// <summary>An account as proofs need it.</summary>
/// <param name="Number">With the opened token; an empty one when there is none.</param>
internal sealed record ClaimingAccount(MetaNumber Number, string Status);

/// <summary>Who has a number in the directory.</summary>
internal sealed record NumberHolder(Guid OrganizationId, Guid AccountId);

/// <summary>
/// Whose a number is: theirs who proved with Meta, by their token, that they may act for it. One row of <c>bsp.directory_numbers</c> a
/// number, written on proof only. A holder gives way to a newcomer's
/// proof when they gave the number up (disconnected), or when Meta denies their own token: docs/decisions/0175.
/// </summary>
public sealed class NumberClaims(Shards shards, ISecrets secrets, IMeta meta, AuditLog audit, NumberDirectory directory)
{
    private const int RacesMax = 3;

    /// <summary>
    /// The account, read as the organization's own business whatever the caller's key is restricted to; null: there is none.
    /// </summary>
    internal async Task<ClaimingAccount?> AccountAsync(Guid organizationId, Guid accountId, CancellationToken ct)
    {
        var home = await shards.OfAsync(organizationId, ct);
        using var _ = Unrestricted();
        return await home.FirstAsync(organizationId, """
            SELECT a.phone_number_id, a.meta_waba_id, coalesce(a.credentials ->> 'access_token', o.meta_access_token), a.status
              FROM whatsapp_accounts a JOIN organizations o ON o.id = a.organization_id WHERE a.organization_id = $1 AND a.id = $2
            """, r => new ClaimingAccount(new(r.GetString(0), r.GetString(1), r.IsDBNull(2) ? "" : secrets.Open(r.GetString(2))), r.GetString(3)), ct, organizationId, accountId);
    }

    /// <summary>Makes way for a proven newcomer: a holder that cannot hold the number any longer is disconnected.</summary>
    /// <returns>The holder to be replaced; null: nobody holds it, or the newcomer does.</returns>
    /// <exception cref="Refusal"><c>account.number_taken</c>: the holder's own proof still stands.</exception>
    /// <exception cref="MetaRefused">Meta could not be asked about the holder.</exception>
    internal async Task<NumberHolder?> MakeWayAsync(string phoneNumberId, Guid organizationId, Guid accountId, CancellationToken ct)
    {
        if (await HolderAsync(phoneNumberId, ct) is not { } holder || holder == new NumberHolder(organizationId, accountId))
        {
            return null;
        }

        if (await AccountAsync(holder.OrganizationId, holder.AccountId, ct) is { Status: "CONNECTED" } account
            && await StandsAsync(account.Number, ct))
        {
            throw new Refusal("account.number_taken",
                $"The phone_number_id {phoneNumberId} is connected elsewhere, and Meta confirms it there: it must be disconnected there first.");
        }

        await DisconnectAsync(holder, "account.claim_lapsed", ct);
        return holder;
    }

    /// <summary>Writes the proven claim; false when somebody else was faster and must be looked at.</summary>
    /// <param name="replaced">From <see cref="MakeWayAsync"/>.</param>
    internal static async Task<bool> ClaimAsync(TenantTransaction directory, MetaNumber number, string displayDigits, Guid organizationId,
        Guid accountId, NumberHolder? replaced, CancellationToken ct) =>
        await directory.ExecuteAsync("""
            INSERT INTO bsp.directory_numbers AS n (phone_number_id, organization_id, account_id, display_digits, waba_id, proven_at, confirmed_at) VALUES ($1, $2, $3, $4, $5, now(), now())
            ON CONFLICT (phone_number_id) DO UPDATE SET organization_id = excluded.organization_id, account_id = excluded.account_id, display_digits = excluded.display_digits, waba_id = excluded.waba_id,
              proven_at = CASE WHEN (n.organization_id, n.account_id, n.waba_id) = (excluded.organization_id, excluded.account_id, excluded.waba_id) THEN coalesce(n.proven_at, now()) ELSE now() END,
              other_entries = CASE WHEN (n.organization_id, n.account_id, n.waba_id) = (excluded.organization_id, excluded.account_id, excluded.waba_id) THEN n.other_entries ELSE '{}' END,
              confirmed_at = now(), doubted_at = NULL
              WHERE (n.organization_id, n.account_id) = ($2, $3) OR (n.organization_id, n.account_id) = ($6, $7)
            """, ct, number.PhoneNumberId, organizationId, accountId, displayDigits, number.WabaId, replaced?.OrganizationId ?? organizationId, replaced?.AccountId ?? accountId) == 1;

    /// <summary>Runs what claims the number until nobody was faster.</summary>
    internal async Task<T> SettledAsync<T>(string phoneNumberId, Guid organizationId, Guid accountId,
        Func<NumberHolder?, Task<(bool Claimed, T Result)>> claim, CancellationToken ct)
    {
        for (var race = 0; race < RacesMax; race++)
        {
            var (claimed, result) = await claim(await MakeWayAsync(phoneNumberId, organizationId, accountId, ct));
            if (claimed)
            {
                await ReleaseAsync(phoneNumberId, ct);
                return result;
            }
        }

        throw new Refusal("account.number_taken", $"Others keep claiming the phone_number_id {phoneNumberId}: try again.");
    }

    /// <summary>What waited for the number goes back into the inbox; how many webhooks.</summary>
    internal async Task<int> ReleaseAsync(string phoneNumberId, CancellationToken ct)
    {
        directory.Forget();
        await using var command = shards.Directory.CreateCommand("SELECT bsp.webhooks_release($1)");
        command.Parameters.Add(new() { Value = phoneNumberId });
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>Meta confirmed the holder after a doubt; what waited is carried out.</summary>
    internal async Task ConfirmAsync(string phoneNumberId, NumberHolder holder, string displayDigits, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("SELECT bsp.number_confirmed($1, $2, $3, $4)");
        command.Parameters.AddRange(new Npgsql.NpgsqlParameter[] { new() { Value = phoneNumberId },
            new() { Value = holder.OrganizationId }, new() { Value = holder.AccountId }, new() { Value = displayDigits } });
        await command.ExecuteScalarAsync(ct);
        directory.Forget();
    }

    /// <summary>The holder has the number no more: nothing is routed to them, and their account says so.</summary>
    internal async Task LapseAsync(string phoneNumberId, NumberHolder holder, CancellationToken ct)
    {
        await DisconnectAsync(holder, "account.claim_lapsed", ct);
        await using var command =
            shards.Directory.CreateCommand(
                "DELETE FROM bsp.directory_numbers WHERE phone_number_id = $1 AND organization_id = $2 AND account_id = $3");
        command.Parameters.AddRange(new Npgsql.NpgsqlParameter[] { new() { Value = phoneNumberId },
            new() { Value = holder.OrganizationId }, new() { Value = holder.AccountId } });
        await command.ExecuteNonQueryAsync(ct);
        directory.Forget();
    }

    /// <summary>
    /// Digits of the number as Meta shows it: by them some webhooks are routed. What the account's creator typed proves nothing.
    /// </summary>
    internal static string Digits(NumberFacts facts, string phoneNumberId)
    {
        var digits = string.Concat(facts.DisplayPhoneNumber.Where(char.IsAsciiDigit));
        return digits.Length is > 0 and <= 32 ? digits : $"id:{phoneNumberId}"; // names nothing
    }

    private async Task<NumberHolder?> HolderAsync(string phoneNumberId, CancellationToken ct)
    {
        await using var command =
            shards.Directory.CreateCommand("SELECT organization_id, account_id FROM bsp.directory_numbers WHERE phone_number_id = $1");
        command.Parameters.Add(new() { Value = phoneNumberId });
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? new(reader.GetGuid(0), reader.GetGuid(1)) : null;
    }

    // What could not be found out is no reason to take a number away.
    private async Task<bool> StandsAsync(MetaNumber number, CancellationToken ct)
    {
        if (!GraphText.IsToken(number.AccessToken))
        {
            return false;
        }

        try
        {
            await meta.ProveAsync(number, ct);
            return true;
        }
        catch (MetaRefused refused) when (refused.Denied)
        {
            return false;
        }
    }

    private async Task DisconnectAsync(NumberHolder holder, string act, CancellationToken ct)
    {
        using var _ = Unrestricted();
        var home = await shards.OfAsync(holder.OrganizationId, ct);
        await using var own = await home.BeginAsync(holder.OrganizationId, ct);
        var changed =
            await own.ExecuteAsync(
                "UPDATE whatsapp_accounts SET status = 'DISCONNECTED', updated_at = now(), row_version = row_version + 1 WHERE organization_id = $1 AND id = $2 AND status = 'CONNECTED'",
            ct, holder.OrganizationId, holder.AccountId);
        if (changed > 0)
        {
            await audit.NoteAsync(own, home, holder.OrganizationId, act, "account", holder.AccountId, ["status"], ct, actor: "meta");
        }

        await own.CommitAsync(ct);
    }

    // Another organization's row is no business of the caller's key, and the caller's idempotency claim no business of this transaction.
    private static IDisposable Unrestricted() =>
        new CurrentRequest { CorrelationId = CurrentRequest.Value?.CorrelationId ?? "number_proofs", Caller = "meta" }.Enter();
}
