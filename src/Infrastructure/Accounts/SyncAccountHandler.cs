using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Domain.Common;
using Bsp.Domain.Plans;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Meta;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Accounts;

/// <summary>Meta is asked before the transaction begins: no row is locked while a foreign server thinks. Connecting claims the number, after Meta confirmed token, number and WABA.</summary>
public sealed class SyncAccountHandler(Shards shards, IMeta meta, NumberClaims claims, Entitlements entitlements, AuditLog audit) : IRequestHandler<SyncAccount, Done>
{
    public async Task<Done> Handle(SyncAccount command, CancellationToken cancellationToken)
    {
        var account = await claims.AccountAsync(command.OrganizationId, command.Id, cancellationToken) ?? throw new Refusal("account.unknown", "There is no such account.");
        var number = account.Number;
        if (!GraphText.IsToken(number.AccessToken))
        {
            throw new Refusal("account.no_token", "The account has no access token that could be sent to Meta: change its credentials first.");
        }

        if (!command.Connect)
        {
            var facts = await meta.GetNumberAsync(number, cancellationToken);
            var home = await shards.OfAsync(command.OrganizationId, cancellationToken);
            await using var own = await home.BeginAsync(command.OrganizationId, cancellationToken);
            var done = await Stored(command, facts).RunAsync(own, command.SeenVersion, "account.unknown", cancellationToken);
            await own.CommitAsync(cancellationToken);
            return done;
        }

        var proven = await meta.ProveAsync(number, cancellationToken);
        await meta.SubscribeAsync(number, cancellationToken);
        return await claims.SettledAsync(number.PhoneNumberId, command.OrganizationId, command.Id, replaced => ConnectAsync(command, number, proven, replaced, cancellationToken), cancellationToken);
    }

    // The directory commits first when it is another database: who died in between connects again.
    private async Task<(bool Claimed, Done Done)> ConnectAsync(SyncAccount command, MetaNumber number, NumberFacts facts, NumberHolder? replaced, CancellationToken ct)
    {
        var home = await shards.OfAsync(command.OrganizationId, ct);
        try
        {
            return (true, await shards.InBothAsync(home, [command.OrganizationId], async (directory, own) =>
            {
                if ((await own.QueryAsync("SELECT status FROM whatsapp_accounts WHERE organization_id = $1 AND id = $2", r => r.GetString(0), ct, command.OrganizationId, command.Id)) is ["DISCONNECTED"])
                {
                    await entitlements.RequireRoomAsync(own, command.OrganizationId, PlanFeatures.Numbers, ct); // it was given up, and counts anew
                }

                var done = await Stored(command, facts).RunAsync(own, command.SeenVersion, "account.unknown", ct);
                if (!await NumberClaims.ClaimAsync(directory, number, NumberClaims.Digits(facts, number.PhoneNumberId), command.OrganizationId, command.Id, replaced, ct))
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

    private static RowPatch Stored(SyncAccount command, NumberFacts facts)
    {
        var patch = new RowPatch("whatsapp_accounts", command.Id)
            .Set("quality_rating_exact", facts.QualityRating)
            .Set("quality_rating", facts.QualityRating is "YELLOW" or "RED" ? facts.QualityRating : "GREEN"); // the specification has no UNKNOWN
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
