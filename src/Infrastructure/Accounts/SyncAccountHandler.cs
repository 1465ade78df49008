using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Accounts;

/// <summary>Meta is asked before the transaction begins: no row is locked while a foreign server thinks.</summary>
public sealed class SyncAccountHandler(Shards shards, ISecrets secrets, IMeta meta, AuditLog audit) : IRequestHandler<SyncAccount, Done>
{
    public async Task<Done> Handle(SyncAccount command, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(command.OrganizationId, cancellationToken);
        var number = await home.FirstAsync(command.OrganizationId, "SELECT phone_number_id, meta_waba_id, credentials->>'access_token' FROM whatsapp_accounts WHERE organization_id = $1 AND id = $2",
            r => new MetaNumber(r.GetString(0), r.GetString(1), secrets.Open(r.GetString(2))), cancellationToken, command.OrganizationId, command.Id)
            ?? throw new Refusal("account.unknown", "There is no such account.");
        if (command.Connect)
        {
            await meta.SubscribeAsync(number, cancellationToken);
        }

        var facts = await meta.GetNumberAsync(number, cancellationToken);
        await using var own = await home.BeginAsync(command.OrganizationId, cancellationToken);
        var done = await Stored(command, facts).RunAsync(own, command.SeenVersion, "account.unknown", cancellationToken);
        if (command.Connect)
        {
            await audit.NoteAsync(own, home, command.OrganizationId, "account.connected", "account", command.Id, null, cancellationToken);
        }

        await own.CommitAsync(cancellationToken);
        return done;
    }

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
