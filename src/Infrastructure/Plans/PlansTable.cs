using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Plans;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Plans;

/// <summary><c>billing_plans</c>. The directory holds the plans; each shard holds a copy, because subscriptions refer to them.</summary>
public sealed class PlansTable(Shards shards, AuditLog audit) : IRequestHandler<CreatePlan, Done>, IRequestHandler<PatchPlan, Done>, IRequestHandler<GetPlan, PlanView?>, IRequestHandler<ListPlans, Page<PlanView>>
{
    private const string Columns = "id, name, code, description, monthly_price, per_message_price, included_messages, features::text, status, currency, created_at, row_version";

    // Copied whole under the version, so that a late copy never overwrites a newer one.
    private const string Copy = """
        INSERT INTO billing_plans AS p (id, name, code, description, monthly_price, per_message_price, included_messages, features, status, currency, created_at, row_version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, monthly_price = excluded.monthly_price, per_message_price = excluded.per_message_price,
          included_messages = excluded.included_messages, features = excluded.features, status = excluded.status, row_version = excluded.row_version
          WHERE p.row_version < excluded.row_version
        """;

    public async Task<Done> Handle(CreatePlan command, CancellationToken cancellationToken)
    {
        await using var directory = await shards.DirectoryHome().BeginAsync(Guid.Empty, cancellationToken);
        try
        {
            await directory.ExecuteAsync("""
                INSERT INTO billing_plans (id, name, code, description, monthly_price, per_message_price, included_messages, features, currency) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)
                """, cancellationToken, command.PlanId, command.Name, command.Code, Text(command.Description), command.MonthlyPrice, command.PerMessagePrice, command.IncludedMessages,
                command.Features is { ValueKind: JsonValueKind.Object } features ? features.GetRawText() : "{}", command.Currency);
        }
        catch (PostgresException taken) when (taken.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new Refusal("plan.code_taken", $"There is a plan with the code '{command.Code}' already.");
        }

        await CopyAsync(directory, command.PlanId, cancellationToken);
        await audit.NoteAsync(directory, shards.DirectoryHome(), Guid.Empty, "plan.created", "plan", command.PlanId, null, cancellationToken);
        await directory.CommitAsync(cancellationToken);
        return new(command.PlanId, 1);
    }

    public async Task<Done> Handle(PatchPlan command, CancellationToken cancellationToken)
    {
        await using var directory = await shards.DirectoryHome().BeginAsync(Guid.Empty, cancellationToken);
        var patch = new RowPatch("billing_plans", command.Id, touch: false)
            .Set("name", command.Name)
            .Set("description", command.Description, "::text")
            .Set("monthly_price", command.MonthlyPrice)
            .Set("per_message_price", command.PerMessagePrice)
            .Set("included_messages", command.IncludedMessages)
            .Set("status", command.Status);
        await patch.MergeAsync(directory, "features", command.Features, cancellationToken);
        var done = await patch.RunAsync(directory, command.SeenVersion, "plan.unknown", cancellationToken);
        await CopyAsync(directory, command.Id, cancellationToken);
        if (patch.Changed.Count > 0)
        {
            await audit.NoteAsync(directory, shards.DirectoryHome(), Guid.Empty, "plan.changed", "plan", command.Id, patch.Changed, cancellationToken);
        }

        await directory.CommitAsync(cancellationToken);
        return done;
    }

    public async Task<PlanView?> Handle(GetPlan request, CancellationToken cancellationToken) =>
        await shards.DirectoryHome().FirstAsync(Guid.Empty, $"SELECT {Columns} FROM billing_plans WHERE id = $1", Row, cancellationToken, request.Id);

    public async Task<Page<PlanView>> Handle(ListPlans request, CancellationToken cancellationToken) =>
        Keyset.Of(await shards.DirectoryHome().QueryAsync(Guid.Empty, $"SELECT {Columns} FROM billing_plans WHERE id > $1 ORDER BY id LIMIT $2", Row, cancellationToken,
            Keyset.After(request.Cursor), request.Limit + 1), request.Limit, plan => plan.Id);

    // A copy is written before the directory commits: a shard may know a plan too early, never too late.
    private async Task CopyAsync(TenantTransaction directory, Guid planId, CancellationToken ct)
    {
        foreach (var shard in shards.All.Where(s => !ReferenceEquals(s.App, shards.Directory)))
        {
            var plan = (await directory.QueryAsync($"SELECT {Columns} FROM billing_plans WHERE id = $1", Row, ct, planId))[0];
            await shard.QueryAsync(Guid.Empty, Copy, _ => 0, ct, plan.Id, plan.Name, plan.Code, Text(plan.Description), plan.MonthlyPrice, plan.PerMessagePrice, plan.IncludedMessages,
                plan.Features.GetRawText(), plan.Status, plan.Currency, plan.CreatedAt, plan.Version);
        }
    }

    private static NpgsqlParameter Text(string? value) => new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text };

    private static PlanView Row(NpgsqlDataReader r) => new(r.GetGuid(0), r.GetString(1), r.GetString(2), r.TextOrNull(3), r.GetDecimal(4), r.GetDecimal(5), r.GetInt32(6), r.Json(7), r.GetString(8),
        r.GetString(9), r.GetFieldValue<DateTimeOffset>(10), r.GetInt64(11));
}
