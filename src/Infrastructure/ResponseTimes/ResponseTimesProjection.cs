using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.ResponseTimes;

/// <summary>Fills <c>bsp.response_times</c>: first answers, next answers and resolutions of the inbox, each with who gave it.</summary>
public sealed class ResponseTimesProjection : PostgresProjection
{
    private static readonly string[] Types =
        ["message_received", "conversation_answered", "conversation_classified", "conversation_assigned"];

    public override string Name => ViewNames.ResponseTimes;

    public override IReadOnlyCollection<string>? EventTypes => Types;

    public override int PageEventsMax => 2_000;

    public override IProjectionCopy? Beside { get; } = new Copy();

    protected override Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct) => WriteAsync(tx, page, "", ct);

    private static async Task WriteAsync(TenantTransaction tx, EventPage page, string suffix, CancellationToken ct)
    {
        var own = page.Events.Select(FactTime.Bounded).Select(e => (Event: e, Of: ResponseClock.Of(e.Body))).Where(e => e.Of
            is not null).ToList();
        if (own.Count == 0)
        {
            return;
        }

        var before = await ClocksAsync(tx, [.. own.Select(e => e.Of!.Value.Id).Distinct()], suffix, ct);
        var (after, rows) = (new Dictionary<Guid, ResponseClock>(), new List<ResponseTime>());
        foreach (var (stored, of) in own)
        {
            var clock = after.GetValueOrDefault(of!.Value.Id) ?? before.GetValueOrDefault(of.Value.Id)
                ?? new(of.Value.Id, stored.OrganizationId, of.Value.Account, 0, null, false, false, null, null, null);
            var (next, row) = clock.Take(stored, new Position(page.Shard.Epoch, stored.Sequence).Packed);
            after[of.Value.Id] = next;
            rows.AddRange(row is null ? [] : [row]);
        }

        await SaveAsync(tx, [.. after.Values.Where(clock => clock != before.GetValueOrDefault(clock.ConversationId))], suffix, ct);
        if (rows.Count > 0)
        {
            await AddAsync(tx, rows, await HoursAsync(tx, [.. rows.Select(r => r.OrganizationId).Distinct()], ct), suffix, ct);
        }
    }

    private static async Task<Dictionary<Guid, ResponseClock>> ClocksAsync(TenantTransaction tx, Guid[] conversations, string suffix,
        CancellationToken ct) => (await tx.QueryAsync($"""
        SELECT c.conversation_id, c.organization_id, c.account_id, c.episode, c.started_at, c.answered, c.resolved, c.waiting_since,
            c.assigned_to,
               c.team_id
          FROM unnest($1::uuid[]) AS i (id)
         CROSS JOIN LATERAL (SELECT * FROM bsp.response_clocks{suffix} k WHERE k.conversation_id = i.id OFFSET 0) c
        """, r => new ResponseClock(r.GetGuid(0), r.GetGuid(1), r.GetGuid(2), r.GetInt32(3), Time(r, 4), r.GetBoolean(5), r.GetBoolean(6),
            Time(r, 7), Id(r, 8), Id(r, 9)), ct, conversations)).ToDictionary(c => c.ConversationId);

    private static async Task SaveAsync(TenantTransaction tx, IReadOnlyCollection<ResponseClock> clocks, string suffix,
        CancellationToken ct)
    {
        if (clocks.Count == 0)
        {
            return;
        }

        await using var command = tx.Command($"""
            INSERT INTO bsp.response_clocks{suffix} AS c (conversation_id, organization_id, account_id, episode, started_at, answered,
                resolved,
                waiting_since, assigned_to, team_id)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::timestamptz[], $6::boolean[], $7::boolean[],
                $8::timestamptz[],
                $9::uuid[], $10::uuid[])
            ON CONFLICT (conversation_id) DO UPDATE SET episode = excluded.episode, started_at = excluded.started_at, answered =
                excluded.answered,
              resolved = excluded.resolved, waiting_since = excluded.waiting_since, assigned_to = excluded.assigned_to, team_id =
                  excluded.team_id
            """);
        Add(command, NpgsqlDbType.Uuid, clocks, c => c.ConversationId);
        Add(command, NpgsqlDbType.Uuid, clocks, c => c.OrganizationId);
        Add(command, NpgsqlDbType.Uuid, clocks, c => c.AccountId);
        Add(command, NpgsqlDbType.Integer, clocks, c => c.Episode);
        Add(command, NpgsqlDbType.TimestampTz, clocks, c => c.StartedAt?.UtcDateTime);
        Add(command, NpgsqlDbType.Boolean, clocks, c => c.Answered);
        Add(command, NpgsqlDbType.Boolean, clocks, c => c.Resolved);
        Add(command, NpgsqlDbType.TimestampTz, clocks, c => c.WaitingSince?.UtcDateTime);
        Add(command, NpgsqlDbType.Uuid, clocks, c => c.AssignedTo);
        Add(command, NpgsqlDbType.Uuid, clocks, c => c.TeamId);
        await command.ExecuteNonQueryAsync(ct);
    }

    private static async Task AddAsync(TenantTransaction tx, List<ResponseTime> rows, Dictionary<Guid, BusinessHours?> hours, string suffix,
        CancellationToken ct)
    {
        await using var command = tx.Command($"""
            INSERT INTO bsp.response_times{suffix} (organization_id, position, kind, conversation_id, account_id, episode, user_id, by,
                team_id, from_at,
                at, seconds, business_seconds)
            SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::uuid[], $6::int[], $7::uuid[], $8::text[],
                $9::uuid[],
                $10::timestamptz[], $11::timestamptz[], $12::bigint[], $13::bigint[])
            """);
        Add(command, NpgsqlDbType.Uuid, rows, r => r.OrganizationId);
        Add(command, NpgsqlDbType.Bigint, rows, r => r.Position);
        Add(command, NpgsqlDbType.Text, rows, r => r.Kind);
        Add(command, NpgsqlDbType.Uuid, rows, r => r.ConversationId);
        Add(command, NpgsqlDbType.Uuid, rows, r => r.AccountId);
        Add(command, NpgsqlDbType.Integer, rows, r => r.Episode);
        Add(command, NpgsqlDbType.Uuid, rows, r => r.UserId);
        Add(command, NpgsqlDbType.Text, rows, r => r.By);
        Add(command, NpgsqlDbType.Uuid, rows, r => r.TeamId);
        Add(command, NpgsqlDbType.TimestampTz, rows, r => r.From.UtcDateTime);
        Add(command, NpgsqlDbType.TimestampTz, rows, r => r.At.UtcDateTime);
        Add(command, NpgsqlDbType.Bigint, rows, r => r.Seconds);
        Add(command, NpgsqlDbType.Bigint, rows, r => hours.GetValueOrDefault(r.OrganizationId)?.Seconds(r.From, r.At) ?? r.Seconds);
        await command.ExecuteNonQueryAsync(ct);
    }

    private static async Task<Dictionary<Guid, BusinessHours?>> HoursAsync(TenantTransaction tx, Guid[] organizations,
        CancellationToken ct) =>
        (await tx.QueryAsync("""
            SELECT o.id, (o.settings -> 'business_hours')::text, o.settings ->> 'time_zone' FROM organizations o WHERE o.id = ANY ($1)
            """, r => (Id: r.GetGuid(0), Hours: BusinessHours.Read(
                r.IsDBNull(1) ? null : r.GetString(1), r.IsDBNull(2) ? null : r.GetString(2))),
            ct, organizations)).ToDictionary(o => o.Id, o => o.Hours);

    private static void Add<TRow, TValue>(NpgsqlCommand command, NpgsqlDbType type, IReadOnlyCollection<TRow> rows, Func<TRow,
        TValue> value) =>
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = rows.Select(value).ToArray() });

    private static DateTimeOffset? Time(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);

    private static Guid? Id(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetGuid(column);

    private sealed class Copy() : PostgresCopy(ViewNames.ResponseTimes)
    {
        private const string Clocks =
            "conversation_id, organization_id, account_id, episode, started_at, answered, resolved, waiting_since, "
            + "assigned_to, team_id";

        private const string Times =
            "organization_id, position, kind, conversation_id, account_id, episode, user_id, by, team_id, from_at, at, "
            + "seconds, business_seconds";

        public override IReadOnlyCollection<string>? EventTypes => Types;

        public override int PageEventsMax => 2_000;

        protected override Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct) =>
            WriteAsync(tx, page, "_next", ct);

        protected override Task EmptyAsync(TenantTransaction tx, CancellationToken ct) =>
            tx.ExecuteAsync("TRUNCATE bsp.response_clocks_next, bsp.response_times_next", ct);

        protected override async Task SwapAsync(TenantTransaction tx, CancellationToken ct)
        {
            foreach (var (table, columns) in ((string, string)[])[("response_clocks", Clocks), ("response_times", Times)])
            {
                await tx.ExecuteAsync($"DELETE FROM bsp.{table}", ct);
                await tx.ExecuteAsync($"INSERT INTO bsp.{table} ({columns}) SELECT {columns} FROM bsp.{table}_next", ct);
            }
        }
    }
}
