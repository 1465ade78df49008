using System.Text.Json;
using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Plans;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Npgsql;

namespace Bsp.Infrastructure.Accounts;

/// <summary>
/// <c>whatsapp_accounts</c> in the shard. An account is what an organization says of a number; whose the number is is decided when it is
/// connected: <see cref="NumberClaims"/>.
/// </summary>
public sealed class AccountsTable(Shards shards, ISecrets secrets, Entitlements entitlements, AuditLog audit)
    : IRequestHandler<CreateAccount, Done>, IRequestHandler<PatchAccount, Done>, IRequestHandler<DisconnectAccount, Done>,
    IRequestHandler<GetAccount, AccountView?>, IRequestHandler<ListAccounts, Page<AccountView>>
{
    private const string Columns = """
        id, phone_number_id, phone_number, display_name, meta_waba_id, quality_rating, quality_rating_exact, messaging_limit, daily_sent_count, limit_reset_date, status, messages_per_second_max,
        created_at, updated_at, row_version, business_id, coexistence, name_status, requested_name,
        review_status, restriction, restricted_until
        """;

    public async Task<Done> Handle(CreateAccount command, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(command.OrganizationId, cancellationToken);
        var phone = E164.OfDisplay(command.PhoneNumber)!;
        try
        {
            await using var own = await home.BeginAsync(command.OrganizationId, cancellationToken);
            await entitlements.RequireRoomAsync(own, command.OrganizationId, PlanFeatures.Numbers, cancellationToken);
            await own.ExecuteAsync("""
                INSERT INTO whatsapp_accounts (id, organization_id, phone_number_id, phone_number, display_name, meta_waba_id, messaging_limit, messages_per_second_max, credentials)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb)
                """, cancellationToken, command.AccountId, command.OrganizationId, command.PhoneNumberId, phone, command.DisplayName, command.MetaWabaId,
                command.MessagingLimit ?? 250, command.MessagesPerSecondMax ?? 80, Credentials(command.AccessToken));
            await audit.NoteAsync(own, home, command.OrganizationId, "account.created", "account", command.AccountId, null,
                cancellationToken);
            await own.CommitAsync(cancellationToken);
            return new Done(command.AccountId, 1);
        }
        catch (PostgresException taken) when (taken.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new Refusal("account.number_taken",
                $"The organization has an account with the phone_number_id {command.PhoneNumberId} already.");
        }
    }

    public Task<Done> Handle(PatchAccount command, CancellationToken cancellationToken)
    {
        var patch = new RowPatch("whatsapp_accounts", command.Id)
            .Set("display_name", command.DisplayName)
            .Set("messaging_limit", command.MessagingLimit)
            .Set("messages_per_second_max", command.MessagesPerSecondMax);
        if (command.AccessToken.IsSet)
        {
            patch.Set("credentials", Credentials(command.AccessToken.Value), "::jsonb");
        }

        return ChangeAsync(command, patch, "account.changed", command.SeenVersion, cancellationToken);
    }

    public Task<Done> Handle(DisconnectAccount command, CancellationToken cancellationToken) =>
        ChangeAsync(command, new RowPatch("whatsapp_accounts", command.Id).Set("status", "DISCONNECTED"), "account.disconnected",
            command.SeenVersion, cancellationToken);

    public async Task<AccountView?> Handle(GetAccount request, CancellationToken cancellationToken) =>
        await (await shards.OfAsync(request.OrganizationId, cancellationToken))
            .FirstAsync(request.OrganizationId, $"SELECT {Columns} FROM whatsapp_accounts WHERE organization_id = $1 AND id = $2", Row,
                cancellationToken, request.OrganizationId, request.Id);

    public async Task<Page<AccountView>> Handle(ListAccounts request, CancellationToken cancellationToken) =>
        Keyset.Of(await (await shards.OfAsync(request.OrganizationId, cancellationToken)).QueryAsync(request.OrganizationId,
            $"SELECT {Columns} FROM whatsapp_accounts WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3", Row, cancellationToken,
            request.OrganizationId, Keyset.After(request.Cursor), request.Limit + 1), request.Limit, account => account.Id);

    private async Task<Done> ChangeAsync(ICommandOn command, RowPatch patch, string act, long? seenVersion, CancellationToken ct)
    {
        var home = await shards.OfAsync(command.OrganizationId, ct);
        await using var own = await home.BeginAsync(command.OrganizationId, ct);
        var done = await patch.RunAsync(own, seenVersion, "account.unknown", ct);
        if (patch.Changed.Count > 0)
        {
            await audit.NoteAsync(own, home, command.OrganizationId, act, "account", command.Id, patch.Changed, ct);
        }

        await own.CommitAsync(ct);
        return done;
    }

    private string Credentials(string accessToken) => JsonSerializer.Serialize(new { access_token = secrets.Seal(accessToken) });

    private static AccountView Row(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetString(4), r.GetString(5), r.GetString(6), r.GetInt32(7),
        r.GetInt32(8), r.TimeOrNull(9), r.GetString(10), r.GetInt32(11), r.GetFieldValue<DateTimeOffset>(12),
        r.GetFieldValue<DateTimeOffset>(13), r.GetInt64(14))
    {
        MetaBusinessId = r.TextOrNull(15), Coexistence = r.GetBoolean(16), NameStatus = r.TextOrNull(17), RequestedName = r.TextOrNull(18),
        ReviewStatus = r.TextOrNull(19), Restriction = r.TextOrNull(20), RestrictedUntil = r.TimeOrNull(21),
    };
}
