using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Domain.Plans;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Accounts;

/// <summary>An account's row and its claim in the directory.</summary>
public sealed class AccountNumbers(Shards shards, NumberClaims claims, Entitlements entitlements, AuditLog audit) : IAccountNumbers
{
    public async Task<MetaNumber?> NumberAsync(Guid organizationId, Guid accountId, CancellationToken ct) =>
        (await claims.AccountAsync(organizationId, accountId, ct))?.Number;

    public async Task<Done> KeepAsync(SyncAccount command, NumberFacts facts, CancellationToken ct)
    {
        var home = await shards.OfAsync(command.OrganizationId, ct);
        await using var own = await home.BeginAsync(command.OrganizationId, ct);
        var done = await Stored(command, facts).RunAsync(own, command.SeenVersion, "account.unknown", ct);
        await PaceAsync(own, command.OrganizationId, command.Id, facts.HighThroughput, ct);
        await own.CommitAsync(ct);
        return done;
    }

    public Task<Done> ClaimAsync(SyncAccount command, MetaNumber number, NumberFacts facts, CancellationToken ct) =>
        claims.SettledAsync(number.PhoneNumberId, command.OrganizationId, command.Id, replaced =>
            ConnectAsync(command, number, facts, replaced, ct), ct);

    // The directory commits first when it is another database: who died in between connects again.
    private async Task<(bool Claimed, Done Done)> ConnectAsync(SyncAccount command, MetaNumber number, NumberFacts facts,
        NumberHolder? replaced, CancellationToken ct)
    {
        var home = await shards.OfAsync(command.OrganizationId, ct);
        try
        {
            return (true, await shards.InBothAsync(home, [command.OrganizationId], async (directory, own) =>
            {
                if ((await own.QueryAsync("SELECT status FROM whatsapp_accounts WHERE organization_id = $1 AND id = $2", r =>
                    r.GetString(0), ct, command.OrganizationId, command.Id)) is ["DISCONNECTED"])
                {
                    // it was given up, and counts anew
                    await entitlements.RequireRoomAsync(own, command.OrganizationId, PlanFeatures.Numbers, ct);
                }

                var done = await Stored(command, facts).RunAsync(own, command.SeenVersion, "account.unknown", ct);
                await PaceAsync(own, command.OrganizationId, command.Id, facts.HighThroughput, ct);
                if (!await NumberClaims.ClaimAsync(directory, number, NumberClaims.Digits(facts, number.PhoneNumberId),
                    command.OrganizationId, command.Id, replaced, ct))
                {
                    throw new Outrun();
                }

                await audit.NoteAsync(own, home, command.OrganizationId, "account.connected", "account", command.Id, null, ct);
                return done;
            }, ct));
        }
        catch (Outrun)
        {
            return (false, null!);
        }
    }

    private sealed class Outrun : Exception;

    /// <summary>
    /// A number that sends at Meta's standard pace takes Meta's upgrade of it; one whose pace people chose keeps theirs, and a downgrade is
    /// told by refusals (130429).
    /// </summary>
    internal static Task<int> PaceAsync(TenantTransaction own, Guid organizationId, Guid accountId, bool high, CancellationToken ct) =>
        !high ? Task.FromResult(0) : own.ExecuteAsync("""
            UPDATE whatsapp_accounts SET messages_per_second_max = $3
             WHERE organization_id = $1 AND id = $2 AND messages_per_second_max = $4
            """, ct, organizationId, accountId, Throughput.High, Throughput.Standard);

    private static RowPatch Stored(SyncAccount command, NumberFacts facts)
    {
        var patch = new RowPatch("whatsapp_accounts", command.Id)
            .Set("quality_rating_exact", facts.QualityRating)
            // the specification has no UNKNOWN
            .Set("quality_rating", facts.QualityRating is "YELLOW" or "RED" ? facts.QualityRating : "GREEN");
        if (facts.VerifiedName.Length > 0)
        {
            patch.Set("display_name", facts.VerifiedName);
        }

        if (facts.MessagingLimit is { } limit)
        {
            patch.Set("messaging_limit", limit);
        }

        return command.Connect ? patch.Set("status", "CONNECTED") : patch;
    }
}
