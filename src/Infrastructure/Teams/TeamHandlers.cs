using Bsp.Application.Common;
using Bsp.Application.Teams;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Teams;

/// <summary><c>bsp.teams</c> with their members and numbers.</summary>
public sealed class TeamHandlers(Shards shards, AuditLog audit) :
    IRequestHandler<CreateTeam, Done>, IRequestHandler<PatchTeam, Done>, IRequestHandler<DeleteTeam, Done>,
        IRequestHandler<GetTeam, TeamView?>, IRequestHandler<ListTeams, Page<TeamView>>
{
    private const int TeamsMax = 500; // of an organization

    private const string Columns = """
        t.id, t.organization_id, t.name, t.assignment, t.capacity, ARRAY(SELECT m.user_id FROM bsp.team_members m WHERE m.team_id = t.id ORDER BY m.user_id),
        ARRAY(SELECT a.account_id FROM bsp.team_accounts a WHERE a.team_id = t.id ORDER BY a.account_id), t.created_at, t.updated_at, t.row_version
        """;

    public async Task<Done> Handle(CreateTeam command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        var id = CurrentRequest.NewId();
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        if ((await transaction.QueryAsync("SELECT count(*)::int FROM bsp.teams WHERE organization_id = $1", r =>
            r.GetInt32(0), ct, command.OrganizationId))[0] >= TeamsMax)
        {
            throw new Refusal("team.too_many", $"An organization has at most {TeamsMax} teams.");
        }

        await NamedAsync(() =>
            transaction.ExecuteAsync("INSERT INTO bsp.teams (id, organization_id, name, assignment, capacity) VALUES ($1, $2, $3, $4, $5)",
                ct,
            id, command.OrganizationId, command.Name.Trim(), command.Assignment,
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Integer, Value = (object?)command.Capacity ?? DBNull.Value }));
        await MembersAsync(transaction, command.OrganizationId, id, command.MemberIds, ct);
        await AccountsAsync(transaction, command.OrganizationId, id, command.AccountIds, ct);
        await audit.NoteAsync(transaction, shard, command.OrganizationId, "team.created", "team", id, null, ct);
        await transaction.CommitAsync(ct);
        return new(id, 1);
    }

    public async Task<Done> Handle(PatchTeam command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var patch = new RowPatch("bsp.teams", command.TeamId).Set("name", command.Name).Set("assignment", command.Assignment)
            .Set("capacity", command.Capacity, "::int");
        if (command.MemberIds.IsSet || command.AccountIds.IsSet)
        {
            patch.Set("organization_id", command.OrganizationId); // the row's version moves with its members
        }

        var done = new Done(command.TeamId, 0);
        await NamedAsync(async () =>
        {
            done = await patch.RunAsync(transaction, command.SeenVersion, "team.unknown", ct);
            return 1;
        });
        if (command.MemberIds.IsSet)
        {
            await MembersAsync(transaction, command.OrganizationId, command.TeamId, command.MemberIds.Value, ct);
        }

        if (command.AccountIds.IsSet)
        {
            await AccountsAsync(transaction, command.OrganizationId, command.TeamId, command.AccountIds.Value, ct);
        }

        await audit.NoteAsync(transaction, shard, command.OrganizationId, "team.changed", "team", command.TeamId,
            [.. patch.Changed.Except(["organization_id"]), .. command.MemberIds.IsSet ? (string[])["member_ids"]
                : [], .. command.AccountIds.IsSet ? (string[])["account_ids"] : []], ct);
        await transaction.CommitAsync(ct);
        return done;
    }

    public async Task<Done> Handle(DeleteTeam command, CancellationToken ct)
    {
        var shard = await shards.OfAsync(command.OrganizationId, ct);
        await using var transaction = await shard.BeginAsync(command.OrganizationId, ct);
        var found = await transaction.QueryAsync("SELECT row_version FROM bsp.teams WHERE id = $1 FOR UPDATE", r =>
            r.GetInt64(0), ct, command.TeamId);
        if (found is not [var version])
        {
            throw new Refusal("team.unknown", "There is no such team.");
        }

        if (command.SeenVersion is { } seen && seen != version)
        {
            throw new VersionConflict(command.TeamId, named: true);
        }

        await transaction.ExecuteAsync("DELETE FROM bsp.teams WHERE id = $1", ct, command.TeamId);
        await audit.NoteAsync(transaction, shard, command.OrganizationId, "team.deleted", "team", command.TeamId, null, ct);
        await transaction.CommitAsync(ct);
        return new(command.TeamId, version);
    }

    public async Task<TeamView?> Handle(GetTeam query, CancellationToken ct) =>
        await (await shards.OfAsync(query.OrganizationId, ct))
        .FirstAsync(query.OrganizationId, $"SELECT {Columns} FROM bsp.teams t WHERE t.id = $1 AND (t.organization_id = $2) IS TRUE", Read,
            ct, query.TeamId, query.OrganizationId);

    public async Task<Page<TeamView>> Handle(ListTeams query, CancellationToken ct) => Keyset.Of(
        await (await shards.OfAsync(query.OrganizationId, ct))
        .QueryAsync(query.OrganizationId,
            $"SELECT {Columns} FROM bsp.teams t WHERE t.organization_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3", Read, ct,
            query.OrganizationId, Keyset.After(query.Cursor), query.Limit + 1), query.Limit, t => t.Id);

    private static TeamView Read(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetGuid(1), r.GetString(2), r.GetString(3), r.IsDBNull(4) ? null
            : r.GetInt32(4), r.GetFieldValue<Guid[]>(5), r.GetFieldValue<Guid[]>(6),
        r.GetFieldValue<DateTimeOffset>(7), r.GetFieldValue<DateTimeOffset>(8), r.GetInt64(9));

    // Whoever stays keeps their turn.
    private static async Task MembersAsync(TenantTransaction transaction, Guid organizationId, Guid teamId, IReadOnlyList<Guid> members,
        CancellationToken ct)
    {
        var ids = members.Distinct().Order().ToArray();
        if ((await transaction.QueryAsync(
            "SELECT count(*)::int FROM users WHERE id = ANY ($2) AND (organization_id = $1) IS TRUE AND status = 'active'", r =>
                r.GetInt32(0), ct, organizationId, ids))[0] != ids.Length)
        {
            throw new Refusal("user.unknown", "member_ids names somebody who is no active user of the organization.");
        }

        await transaction.ExecuteAsync("DELETE FROM bsp.team_members WHERE team_id = $1 AND user_id <> ALL ($2)", ct, teamId, ids);
        await transaction.ExecuteAsync(
            "INSERT INTO bsp.team_members (team_id, user_id, organization_id) SELECT $1, u, $3 FROM unnest($2::uuid[]) AS u ON CONFLICT DO NOTHING", ct, teamId, ids, organizationId);
    }

    private static async Task AccountsAsync(TenantTransaction transaction, Guid organizationId, Guid teamId, IReadOnlyList<Guid> accounts,
        CancellationToken ct)
    {
        var ids = accounts.Distinct().Order().ToArray();
        if ((await transaction.QueryAsync(
            "SELECT count(*)::int FROM whatsapp_accounts WHERE id = ANY ($2) AND (organization_id = $1) IS TRUE", r =>
                r.GetInt32(0), ct, organizationId, ids))[0] != ids.Length)
        {
            throw new Refusal("account.unknown", "account_ids names an account that the organization does not have.");
        }

        await transaction.ExecuteAsync("DELETE FROM bsp.team_accounts WHERE team_id = $1 AND account_id <> ALL ($2)", ct, teamId, ids);
        var taken = await transaction.ExecuteAsync("""
            INSERT INTO bsp.team_accounts AS a (account_id, team_id, organization_id) SELECT i, $1, $3 FROM unnest($2::uuid[]) AS i
            ON CONFLICT (account_id) DO UPDATE SET team_id = a.team_id WHERE a.team_id = excluded.team_id
            """, ct, teamId, ids, organizationId);
        if (taken != ids.Length)
        {
            throw new Refusal("team.account_taken",
                "account_ids names a number whose conversations go to another team: take it from that one first.");
        }
    }

    private static async Task NamedAsync(Func<Task<int>> write)
    {
        try
        {
            await write();
        }
        catch (PostgresException taken) when (taken.SqlState == PostgresErrorCodes.UniqueViolation && taken.ConstraintName == "teams_name")
        {
            throw new Refusal("team.name_taken", "There is a team of this name.");
        }
    }
}
