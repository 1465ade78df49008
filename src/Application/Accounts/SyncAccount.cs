using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Domain.Common;
using MediatR;

namespace Bsp.Application.Accounts;

/// <summary>
/// Asks Meta for the number's facts and stores them. <paramref name="Connect"/> first has Meta confirm that the token may act for the
/// number and that the
/// number belongs to the WABA, subscribes to the WABA's webhooks and makes the account CONNECTED: only then are webhooks routed to it.
/// </summary>
/// <param name="Connect">False: only the facts are refreshed.</param>
/// <exception cref="Domain.Common.Refusal">
/// <c>account.unknown</c>, <c>account.no_token</c>, <c>account.number_taken</c>: connected by somebody for whom Meta confirms it.
/// </exception>
/// <exception cref="MetaRefused">Meta did not agree or answer; nothing was changed here.</exception>
public sealed record SyncAccount(Guid OrganizationId, Guid Id, bool Connect, long? SeenVersion) : ICommandOn;

/// <summary>
/// Meta is asked before anything is written: no row is locked while a foreign server thinks. Connecting claims the number, after Meta
/// confirmed token, number and WABA.
/// </summary>
public sealed class SyncAccountHandler(IAccountNumbers accounts, IMeta meta) : IRequestHandler<SyncAccount, Done>
{
    public async Task<Done> Handle(SyncAccount command, CancellationToken ct)
    {
        var number = await accounts.NumberAsync(command.OrganizationId, command.Id, ct)
            ?? throw new Refusal("account.unknown", "There is no such account.");
        if (!SecretText.IsHeader(number.AccessToken))
        {
            throw new Refusal("account.no_token",
                "The account has no access token that could be sent to Meta: change its credentials first.");
        }

        if (!command.Connect)
        {
            return await accounts.KeepAsync(command, await meta.GetNumberAsync(number, ct), ct);
        }

        var proven = await meta.ProveAsync(number, ct);
        await meta.SubscribeAsync(number, ct);
        return await accounts.ClaimAsync(command, number, proven, ct);
    }
}
