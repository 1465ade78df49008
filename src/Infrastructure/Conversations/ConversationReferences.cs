using Bsp.Application.Conversations;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Conversations;

/// <inheritdoc cref="IConversationReferences"/>
public sealed class ConversationReferences(Shards shards) : IConversationReferences
{
    public async Task<IReadOnlyList<Guid>> UsersAsync(Guid organizationId, IReadOnlyCollection<Guid> userIds, CancellationToken ct) =>
        await (await shards.OfAsync(organizationId, ct)).QueryAsync(organizationId,
            "SELECT id FROM users WHERE id = ANY ($2) AND (organization_id = $1) IS TRUE AND status = 'active'", r =>
                r.GetGuid(0), ct, organizationId, userIds.ToArray());

    public async Task<IReadOnlyDictionary<Guid, IReadOnlyList<Guid>>> MembersAsync(Guid organizationId, IReadOnlyCollection<Guid> teamIds,
        CancellationToken ct) =>
        (await (await shards.OfAsync(organizationId, ct)).QueryAsync(organizationId, """
            SELECT t.id, ARRAY(SELECT u.id FROM bsp.team_members m JOIN users u ON u.id = m.user_id AND u.status = 'active' WHERE m.team_id = t.id ORDER BY u.id)
              FROM bsp.teams t WHERE t.id = ANY ($2) AND (t.organization_id = $1) IS TRUE
            """, r => (Team: r.GetGuid(0), Members: r.GetFieldValue<Guid[]>(1)), ct, organizationId, teamIds.ToArray())).ToDictionary(t => t.Team, t => (IReadOnlyList<Guid>)t.Members);
}
