using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Auth;

/// <summary>One's own sessions: where one is signed in, and ending one that one does not know.</summary>
public sealed class SessionListHandlers(Shards shards, SessionDirectory sessions, AuditLog audit, TimeProvider clock)
    : IRequestHandler<ListSessions, Page<SessionView>>, IRequestHandler<EndSession, Done>
{
    public async Task<Page<SessionView>> Handle(ListSessions request, CancellationToken cancellationToken)
    {
        await using var command = shards.Directory.CreateCommand("""
            SELECT id, kind, created_at, last_seen_at, expires_at, address, user_agent, token_hash = $4 FROM bsp.directory_sessions
             WHERE user_id = $1 AND expires_at > $2 AND id > $3 ORDER BY id LIMIT $5
            """);
        Tenancy.Bind(command.Parameters, [request.UserId, clock.GetUtcNow().UtcDateTime, Keyset.After(request.Cursor), request.TokenHash,
            request.Limit + 1]);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<SessionView>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(Row(reader));
        }

        return Keyset.Of(rows, request.Limit, session => session.Id);
    }

    public async Task<Done> Handle(EndSession request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var ended = await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            var tokens = await directory.QueryAsync(
                "DELETE FROM bsp.directory_sessions WHERE id = $1 AND user_id = $2 RETURNING token_hash", r => r.GetString(0),
                cancellationToken, request.Id, request.UserId);
            if (tokens.Count == 0)
            {
                throw new Refusal("session.unknown", "There is no such session.");
            }

            await audit.NoteAsync(own, home, request.OrganizationId, "session.ended", "user", request.UserId, null, cancellationToken);
            return tokens;
        }, cancellationToken);
        await sessions.ForgetAsync(ended, cancellationToken);
        return new(request.Id, 0);
    }

    private static SessionView Row(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetString(1), r.GetFieldValue<DateTimeOffset>(2), r.GetFieldValue<DateTimeOffset>(3),
            r.GetFieldValue<DateTimeOffset>(4), r.TextOrNull(5), r.TextOrNull(6), r.GetBoolean(7));
}
