using Bsp.Application.Teams;
using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Presence;
using Bsp.Domain.Conversations;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Conversations;

/// <summary>Whose turn it is in the teams of one organization, by who is online, and who has how much.</summary>
public sealed class TeamTurns(Shards shards, IEventStore store, IPresence presence, TimeProvider clock) : ITeamRoutes
{
    private const int QueueAtOnce = 50; // of each team
    private const int BackAtOnce = 200;
    private const int RoutesBytesMax = 4 * 1024 * 1024;
    private const int RouteBytes = 128;

    // Away for this long, what they had for a waiting customer goes back to their team.
    private static readonly TimeSpan AwayMax = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RoutesFor = TimeSpan.FromMilliseconds(900);

    private readonly BoundedCache<(Guid Organization, Guid Account), Guid?> routes =
        new("team_routes", RoutesBytesMax, (_, _) => RouteBytes, clock);

    [Bounded("one a user who has conversations of a team and is away; forgotten when they are back or have none")]
    private readonly ConcurrentDictionary<(Guid Organization, Guid User), DateTimeOffset> away = new();

    private sealed record Member(Guid User, DateTimeOffset? GivenAt, int Load);

    /// <summary>What the routes take.</summary>
    public IBoundedMemory Memory => routes;

    public async ValueTask<Guid?> TeamOfAsync(Guid organizationId, Guid accountId, CancellationToken ct)
    {
        if (routes.TryGet((organizationId, accountId), out var known))
        {
            return known;
        }

        var found = await (await shards.OfAsync(organizationId, ct))
            .QueryAsync(organizationId, "SELECT team_id FROM bsp.team_accounts WHERE account_id = $1 AND (organization_id = $2) IS TRUE",
            r => (Guid?)r.GetGuid(0), ct, accountId, organizationId);
        routes.Put((organizationId, accountId), found.FirstOrDefault(), RoutesFor);
        return found.FirstOrDefault();
    }

    /// <summary>Takes back and gives out, oldest first.</summary>
    /// <exception cref="StoreUnavailable">Redis, which knows who is online, cannot be reached: nothing is given or taken.</exception>
    public async Task TakeAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        var waiting = await shard.QueryAsync(organizationId, """
            SELECT w.conversation_id, t.id FROM bsp.teams t CROSS JOIN LATERAL (
              SELECT s.conversation_id, s.queued_at FROM bsp.inbox_states s
               WHERE s.team_id = t.id AND s.queued_at IS NOT NULL AND s.status = 'active' AND s.snoozed_until IS NULL ORDER BY s.queued_at, s.conversation_id LIMIT $2) w
             WHERE t.organization_id = $1 AND t.assignment <> 'manual' ORDER BY w.queued_at, w.conversation_id
            """, r => (Conversation: r.GetGuid(0), Team: r.GetGuid(1)), ct, organizationId, QueueAtOnce);
        var given = await shard.QueryAsync(organizationId, """
            SELECT s.conversation_id, s.assigned_to FROM bsp.inbox_states s
             WHERE s.organization_id = $1 AND s.assigned_to IS NOT NULL AND s.status = 'active' AND s.team_id IS NOT NULL AND s.waiting_since IS NOT NULL AND s.snoozed_until IS NULL LIMIT $2
            """, r => (Conversation: r.GetGuid(0), User: r.GetGuid(1)), ct, organizationId, BackAtOnce);
        if (waiting.Count == 0 && given.Count == 0)
        {
            return;
        }

        var present = await presence.AllAsync(organizationId, ct);
        await TakeBackAsync(organizationId, given, [.. present.Select(p => p.UserId)], ct);
        var online = present.Where(p => p.Status == "online").Select(p => p.UserId).ToArray();
        foreach (var team in online.Length == 0 ? [] : waiting.GroupBy(w => w.Team))
        {
            await GiveAsync(shard, organizationId, team.Key, [.. team.Select(w => w.Conversation)], online, ct);
        }
    }

    private async Task TakeBackAsync(Guid organizationId, List<(Guid Conversation, Guid User)> given, HashSet<Guid> present,
        CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var gone = given.Select(g => g.User).Where(user => !present.Contains(user)).ToHashSet();
        foreach (var known in away.Keys.Where(key => key.Organization == organizationId && !gone.Contains(key.User)))
        {
            away.TryRemove(known, out _);
        }

        foreach (var (conversation, user) in given.Where(g =>
            gone.Contains(g.User) && now - away.GetOrAdd((organizationId, g.User), now) >= AwayMax))
        {
            await store.Decide<Conversation, ConversationEvent>(organizationId, conversation, state =>
                Conversation.TakeBack(state, user, now), null, ct);
        }
    }

    private async Task GiveAsync(Shard shard, Guid organizationId, Guid teamId, IReadOnlyList<Guid> conversations, Guid[] online,
        CancellationToken ct)
    {
        var rows = await shard.QueryAsync(organizationId, """
            SELECT t.assignment, t.capacity, m.user_id, m.given_at,
              (SELECT count(*)::int FROM bsp.inbox_states s WHERE s.organization_id = $1 AND s.assigned_to = m.user_id AND s.assigned_to IS NOT NULL AND s.status = 'active' AND s.snoozed_until IS NULL)
              FROM bsp.teams t JOIN bsp.team_members m ON m.team_id = t.id JOIN users u ON u.id = m.user_id AND u.status = 'active' WHERE t.id = $2 AND t.assignment <> 'manual' AND m.user_id = ANY ($3)
            """, r => (Assignment: r.GetString(0), Capacity: r.IsDBNull(1) ? int.MaxValue : r.GetInt32(1), Member: new Member(r.GetGuid(2), r.TimeOrNull(3), r.GetInt32(4))), ct, organizationId, teamId, online);
        var members = rows.ConvertAll(r => r.Member);
        foreach (var conversation in rows.Count == 0 ? [] : conversations)
        {
            if (Next(members, rows[0].Assignment, rows[0].Capacity) is not { } next)
            {
                return; // all have their hands full: again when somebody is freed
            }

            var now = clock.GetUtcNow();
            var before = CurrentRequest.Value!.LastPosition;
            await store.Decide<Conversation, ConversationEvent>(organizationId, conversation, state =>
                Conversation.HandOut(state, teamId, next.User, now), null, ct);
            if (CurrentRequest.Value.LastPosition > before)
            {
                members[members.IndexOf(next)] = next with { GivenAt = now, Load = next.Load + 1 };
                await GivenAsync(shard, organizationId, teamId, next.User, now, ct);
            }
        }
    }

    // Whoever waited longest, or has fewest; equal ones in the other's order, then by id.
    private static Member? Next(IEnumerable<Member> members, string assignment, int capacity)
    {
        var free = members.Where(m => m.Load < capacity);
        return (assignment == "least_busy" ? free.OrderBy(m => m.Load).ThenBy(m => m.GivenAt ?? DateTimeOffset.MinValue)
            : free.OrderBy(m => m.GivenAt ?? DateTimeOffset.MinValue).ThenBy(m => m.Load)).ThenBy(m => m.User).FirstOrDefault();
    }

    private static async Task GivenAsync(Shard shard, Guid organizationId, Guid teamId, Guid userId, DateTimeOffset at,
        CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("UPDATE bsp.team_members SET given_at = $3 WHERE team_id = $1 AND user_id = $2", ct, teamId, userId,
            at.UtcDateTime);
        await transaction.CommitAsync(ct);
    }
}
