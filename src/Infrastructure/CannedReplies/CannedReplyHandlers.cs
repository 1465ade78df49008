using Bsp.Application.CannedReplies;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.CannedReplies;

/// <summary><c>bsp.canned_replies</c>.</summary>
public sealed class CannedReplyHandlers(Shards shards)
    : IRequestHandler<CreateCannedReply, Done>, IRequestHandler<PatchCannedReply, Done>, IRequestHandler<DeleteCannedReply, Done>,
    IRequestHandler<GetCannedReply, CannedReplyView?>, IRequestHandler<ListCannedReplies, Page<CannedReplyView>>
{
    private const int RepliesMax = 2_000; // of an organization
    private const string Columns = "r.id, r.organization_id, r.shortcut, r.text, r.language, r.created_at, r.updated_at, r.row_version";

    public async Task<Done> Handle(CreateCannedReply command, CancellationToken ct)
    {
        var id = CurrentRequest.NewId();
        await using var transaction = await (await shards.OfAsync(command.OrganizationId, ct)).BeginAsync(command.OrganizationId, ct);
        if ((await transaction.QueryAsync("SELECT count(*)::int FROM bsp.canned_replies WHERE organization_id = $1", r =>
            r.GetInt32(0), ct, command.OrganizationId))[0] >= RepliesMax)
        {
            throw new Refusal("canned_reply.too_many", $"An organization has at most {RepliesMax} canned replies.");
        }

        await UniqueAsync(() =>
            transaction.ExecuteAsync(
                "INSERT INTO bsp.canned_replies (id, organization_id, shortcut, text, language) VALUES ($1, $2, $3, $4, $5)", ct,
            id, command.OrganizationId, command.Shortcut, command.Text, Text(command.Language)));
        await transaction.CommitAsync(ct);
        return new(id, 1);
    }

    public async Task<Done> Handle(PatchCannedReply command, CancellationToken ct)
    {
        await using var transaction = await (await shards.OfAsync(command.OrganizationId, ct)).BeginAsync(command.OrganizationId, ct);
        var done = new Done(command.ReplyId, 0);
        await UniqueAsync(async () =>
        {
            done = await new RowPatch("bsp.canned_replies", command.ReplyId).Set("shortcut", command.Shortcut).Set("text", command.Text)
                .Set("language", command.Language, "::text").RunAsync(transaction, command.SeenVersion, "canned_reply.unknown", ct);
            return 1;
        });
        await transaction.CommitAsync(ct);
        return done;
    }

    public async Task<Done> Handle(DeleteCannedReply command, CancellationToken ct)
    {
        await using var transaction = await (await shards.OfAsync(command.OrganizationId, ct)).BeginAsync(command.OrganizationId, ct);
        var found = await transaction.QueryAsync("SELECT row_version FROM bsp.canned_replies WHERE id = $1 FOR UPDATE", r =>
            r.GetInt64(0), ct, command.ReplyId);
        if (found is not [var version])
        {
            throw new Refusal("canned_reply.unknown", "There is no such canned reply.");
        }

        if (command.SeenVersion is { } seen && seen != version)
        {
            throw new VersionConflict(command.ReplyId, named: true);
        }

        await transaction.ExecuteAsync("DELETE FROM bsp.canned_replies WHERE id = $1", ct, command.ReplyId);
        await transaction.CommitAsync(ct);
        return new(command.ReplyId, version);
    }

    public async Task<CannedReplyView?> Handle(GetCannedReply query, CancellationToken ct) =>
        await (await shards.OfAsync(query.OrganizationId, ct)).FirstAsync(query.OrganizationId,
        $"SELECT {Columns} FROM bsp.canned_replies r WHERE r.id = $1 AND (r.organization_id = $2) IS TRUE", Read, ct, query.ReplyId,
        query.OrganizationId);

    public async Task<Page<CannedReplyView>> Handle(ListCannedReplies query, CancellationToken ct) => Keyset.Of(
        await (await shards.OfAsync(query.OrganizationId, ct)).QueryAsync(query.OrganizationId,
            $"SELECT {Columns} FROM bsp.canned_replies r WHERE r.organization_id = $1 AND r.id > $2 AND ($4::text IS NULL OR starts_with(r.shortcut, $4)) ORDER BY r.id LIMIT $3", Read, ct,
            query.OrganizationId, Keyset.After(query.Cursor), query.Limit + 1, Text(query.Shortcut)), query.Limit, r => r.Id);

    private static CannedReplyView Read(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetGuid(1), r.GetString(2), r.GetString(3), r.TextOrNull(4), r.GetFieldValue<DateTimeOffset>(5),
            r.GetFieldValue<DateTimeOffset>(6), r.GetInt64(7));

    private static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };

    private static async Task UniqueAsync(Func<Task<int>> write)
    {
        try
        {
            await write();
        }
        catch (PostgresException taken)
            when (taken.SqlState == PostgresErrorCodes.UniqueViolation && taken.ConstraintName == "canned_replies_shortcut")
        {
            throw new Refusal("canned_reply.shortcut_taken", "There is a canned reply with this shortcut.");
        }
    }
}
