using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// By an ordinary merge: the number is ensured to be a contact, which becomes part of the one that it is, so events, rebuilds, erasures and
/// aliases are what they are for every merge. Decision: docs/decisions/0156.
/// </summary>
public sealed class RecognizeContactHandler(
    Shards shards, IRequestHandler<EnsureContacts, IReadOnlyList<EnsuredContact>> ensure, ContactMerger merger)
    : IRequestHandler<RecognizeContact, Recognized>
{
    public async Task<Recognized> Handle(RecognizeContact command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        var own = (await shard.ResolveAliasesAsync(command.OrganizationId, [command.ContactId], ct))[0];
        if (await RowAsync(shard, command.OrganizationId, own, ct) is not { Phone: { } phone } contact)
        {
            return new(own, false); // deleted, or known by the user id alone, which the message brings itself
        }

        if (PhoneSpellings.Of(phone).Contains(command.Number))
        {
            return new(own, true);
        }

        var holders = await shard.HoldersAsync(command.OrganizationId, [command.Number], ct);
        if (holders.Exists(h => h.Contact == own) || !PhoneSpellings.Alike(phone, command.Number))
        {
            return new(own, holders.Exists(h => h.Contact == own));
        }

        var other = (await ensure.Handle(new(command.OrganizationId, [new(command.Number, null, null)]), ct))[0].Id;
        if (other == own || (await RowAsync(shard, command.OrganizationId, other, ct) is { WaUserId: not null } named
            && contact.WaUserId is not null && named.WaUserId != contact.WaUserId))
        {
            return new(own, other == own);
        }

        return new(await merger.MergeAsync(command.OrganizationId, own, other, command.Source, ct), true);
    }

    private sealed record Row(string? Phone, string? WaUserId);

    private static Task<Row?> RowAsync(Shard shard, Guid organizationId, Guid contactId, CancellationToken ct) =>
        shard.FirstAsync(organizationId, "SELECT phone_number, wa_user_id FROM contacts WHERE organization_id = $1 AND id = $2",
            r => new Row(r.TextOrNull(0), r.TextOrNull(1)), ct, organizationId, contactId);
}
