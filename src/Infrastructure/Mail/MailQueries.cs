using Bsp.Application.Common;
using Bsp.Application.Mail;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Mail;

/// <summary>What went out, and what did not.</summary>
public sealed class MailQueries(Shards shards) : IRequestHandler<ListMails, Page<MailView>>
{
    private static readonly Guid Last = Guid.Parse("ffffffff-ffff-ffff-ffff-ffffffffffff");

    public async Task<Page<MailView>> Handle(ListMails request, CancellationToken cancellationToken) =>
        Keyset.Of(await (await shards.OfAsync(request.OrganizationId, cancellationToken)).QueryAsync(request.OrganizationId, """
            SELECT id, kind, recipient, status, attempts, error, created_at, sent_at FROM bsp.mails
             WHERE organization_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3
            """, Row, cancellationToken, request.OrganizationId, request.Cursor is null ? Last : Guid.Parse(request.Cursor),
            request.Limit + 1), request.Limit, mail => mail.Id);

    private static MailView Row(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetInt32(4), r.TextOrNull(5),
            r.GetFieldValue<DateTimeOffset>(6), r.TimeOrNull(7));
}
