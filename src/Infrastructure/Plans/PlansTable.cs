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
public sealed class PlansTable(Shards shards, AuditLog audit) : IRequestHandler<CreatePlan, Done>, IRequestHandler<PatchPlan, Done>,
    IRequestHandler<DeletePlan, Done>, IRequestHandler<GetPlan, PlanView?>, IRequestHandler<ListPlans, Page<PlanView>>
{
    public async Task<Done> Handle(CreatePlan command, CancellationToken cancellationToken)
    {
        await using var directory = await shards.DirectoryHome().BeginAsync(Guid.Empty, cancellationToken);
        try
        {
            await directory.ExecuteAsync("""
                INSERT INTO billing_plans (id, name, code, description, monthly_price, per_message_price, included_messages, features, currency) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)
                """, cancellationToken, command.PlanId, command.Name, command.Code, PlanRows.Text(command.Description), command.MonthlyPrice, command.PerMessagePrice, command.IncludedMessages,
                command.Features is { ValueKind: JsonValueKind.Object } features ? features.GetRawText() : "{}", command.Currency);
        }
        catch (PostgresException taken) when (taken.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new Refusal("plan.code_taken", $"There is a plan with the code '{command.Code}' already.");
        }

        await CopyAsync(directory, command.PlanId, cancellationToken);
        await audit.NoteAsync(directory, shards.DirectoryHome(), Guid.Empty, "plan.created", "plan", command.PlanId, null,
            cancellationToken);
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
            await audit.NoteAsync(directory, shards.DirectoryHome(), Guid.Empty, "plan.changed", "plan", command.Id, patch.Changed,
                cancellationToken);
        }

        await directory.CommitAsync(cancellationToken);
        return done;
    }

    public async Task<PlanView?> Handle(GetPlan request, CancellationToken cancellationToken) =>
        await shards.DirectoryHome()
        .FirstAsync(Guid.Empty, $"SELECT {PlanRows.Columns} FROM billing_plans WHERE id = $1", PlanRows.Read, cancellationToken,
            request.Id);

    public async Task<Page<PlanView>> Handle(ListPlans request, CancellationToken cancellationToken) =>
        Keyset.Of(await shards.DirectoryHome()
            .QueryAsync(Guid.Empty, $"SELECT {PlanRows.Columns} FROM billing_plans WHERE id > $1 ORDER BY id LIMIT $2", PlanRows.Read,
                cancellationToken,
            Keyset.After(request.Cursor), request.Limit + 1), request.Limit, plan => plan.Id);

    public async Task<Done> Handle(DeletePlan command, CancellationToken cancellationToken)
    {
        var copies = new List<TenantTransaction>();
        try
        {
            await using var directory = await shards.DirectoryHome().BeginAsync(Guid.Empty, cancellationToken);
            await new RowPatch("billing_plans", command.Id, touch: false)
                .RunAsync(directory, command.SeenVersion, "plan.unknown", cancellationToken);
            foreach (var shard in shards.Elsewhere())
            {
                copies.Add(await shard.BeginAsync(Guid.Empty, cancellationToken));
                await DeleteAsync(copies[^1], command.Id, cancellationToken);
            }

            await DeleteAsync(directory, command.Id, cancellationToken);
            await audit.NoteAsync(directory, shards.DirectoryHome(), Guid.Empty, "plan.deleted", "plan", command.Id, null,
                cancellationToken);
            foreach (var copy in copies)
            {
                // killed in between: a copy is made again by who takes the plan, and the deletion can be repeated
                await copy.CommitUnmarkedAsync(cancellationToken);
            }

            await directory.CommitAsync(cancellationToken);
            return new(command.Id, 0);
        }
        finally
        {
            foreach (var copy in copies)
            {
                await copy.DisposeAsync();
            }
        }
    }

    // The foreign key decides, so that nobody takes it meanwhile: they wait for us, or we for them.
    private static async Task DeleteAsync(TenantTransaction tx, Guid planId, CancellationToken ct)
    {
        try
        {
            await tx.ExecuteAsync("DELETE FROM billing_plans WHERE id = $1", ct, planId);
        }
        catch (PostgresException used) when (used.SqlState == PostgresErrorCodes.ForeignKeyViolation)
        {
            throw new Refusal("plan.in_use",
                "Organizations have, or had, subscriptions of this plan: set its status to inactive instead, and nobody new takes it.");
        }
    }

    // A copy is written before the directory commits: a shard may know a plan too early, never too late.
    private async Task CopyAsync(TenantTransaction directory, Guid planId, CancellationToken ct)
    {
        foreach (var shard in shards.Elsewhere())
        {
            await PlanRows.CopyAsync(shard,
                (await directory.QueryAsync($"SELECT {PlanRows.Columns} FROM billing_plans WHERE id = $1", PlanRows.Read, ct, planId))[0],
                ct);
        }
    }
}
