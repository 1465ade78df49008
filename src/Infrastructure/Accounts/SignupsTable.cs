using System.Text.Json;
using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Bsp.Application.Meta;
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

/// <summary><c>bsp.signups</c>: what a signup has come to, under the row's version, so that two who carry it do no step twice.</summary>
public sealed class SignupsTable(Shards shards, ISecrets secrets, Entitlements entitlements, AuditLog audit, TimeProvider clock)
    : ISignups, IRequestHandler<ListSignups, Page<SignupView>>
{
    private const int RegistrationsMax = 10;
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RegistrationsIn = TimeSpan.FromHours(72);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    private const string Columns = """
        s.id, s.waba_id, s.phone_number_id, s.status, s.step, s.waiting_for, s.error_code, s.error, s.due_at, s.account_id,
        s.facts ->> 'business_id', (s.facts ->> 'coexistence')::boolean, s.done, s.created_at, s.updated_at, s.row_version,
        s.code, s.token, s.pin, s.attempts
        """;

    private sealed record StepRow(string Name, string Status, DateTimeOffset At, string? Detail);

    public async Task<Guid> BeginAsync(BeginSignup command, CancellationToken ct)
    {
        var home = await shards.OfAsync(command.OrganizationId, ct);
        await using var own = await home.BeginAsync(command.OrganizationId, ct);
        var (now, pin) = (clock.GetUtcNow(), command.Pin is null ? null : secrets.Seal(command.Pin));
        var begun = await own.QueryAsync("""
            INSERT INTO bsp.signups AS s (id, organization_id, waba_id, phone_number_id, status, step, code, pin, due_at)
            VALUES ($1, $2, $3, $4, 'running', 'token', $5, $6, $7)
            ON CONFLICT (organization_id, phone_number_id) WHERE status IN ('running', 'waiting') DO UPDATE SET
              waba_id = excluded.waba_id, code = excluded.code, pin = coalesce(excluded.pin, s.pin), token = NULL, status = 'running',
              step = 'token', waiting_for = NULL, error_code = NULL, error = NULL, due_at = excluded.due_at, attempts = 0, done = '[]',
              updated_at = now(), row_version = s.row_version + 1
            RETURNING s.id
            """, r => r.GetGuid(0), ct, command.SignupId, command.OrganizationId, command.WabaId, command.PhoneNumberId,
            secrets.Seal(command.Code), Text(pin), (now + Lease).UtcDateTime);
        await audit.NoteAsync(own, home, command.OrganizationId, "account.signup_begun", "signup", begun[0], null, ct);
        await own.CommitAsync(ct);
        return begun[0];
    }

    public async Task<bool> ResumeAsync(ResumeSignup command, CancellationToken ct)
    {
        var home = await shards.OfAsync(command.OrganizationId, ct);
        await using var own = await home.BeginAsync(command.OrganizationId, ct);
        // A new code begins with the token again, but what was found out about the account stays.
        var resumed = await own.ExecuteAsync("""
            UPDATE bsp.signups SET status = 'running', waiting_for = NULL, attempts = 0, code = coalesce($3, code),
              token = CASE WHEN $3::text IS NULL THEN token END, step = CASE WHEN $3::text IS NULL THEN step ELSE 'token' END,
              done = CASE WHEN $3::text IS NULL THEN done ELSE '[]' END, pin = coalesce($4, pin), due_at = $5, updated_at = now(),
              row_version = row_version + 1
             WHERE organization_id = $1 AND id = $2 AND status IN ('running', 'waiting')
            """, ct, command.OrganizationId, command.Id, Text(command.Code is null ? null : secrets.Seal(command.Code)),
            Text(command.Pin is null ? null : secrets.Seal(command.Pin)), (clock.GetUtcNow() + Lease).UtcDateTime);
        if (resumed == 1)
        {
            await audit.NoteAsync(own, home, command.OrganizationId, "account.signup_resumed", "signup", command.Id, null, ct);
            await own.CommitAsync(ct);
        }

        return resumed == 1;
    }

    public async Task<OpenSignup?> FindAsync(Guid organizationId, Guid id, CancellationToken ct) =>
        await (await shards.OfAsync(organizationId, ct)).FirstAsync(organizationId,
            $"SELECT {Columns} FROM bsp.signups s WHERE s.organization_id = $1 AND s.id = $2", r => Read(r, organizationId), ct,
            organizationId, id);

    public async Task<Page<SignupView>> Handle(ListSignups request, CancellationToken cancellationToken) =>
        Keyset.Of(await (await shards.OfAsync(request.OrganizationId, cancellationToken)).QueryAsync(request.OrganizationId,
            $"SELECT {Columns} FROM bsp.signups s WHERE s.organization_id = $1 AND s.id > $2 ORDER BY s.id LIMIT $3",
            r => Read(r, request.OrganizationId).View, cancellationToken, request.OrganizationId, Keyset.After(request.Cursor),
            request.Limit + 1), request.Limit, s => s.Id);

    public Task<bool> AdvanceAsync(OpenSignup signup, SignupProgress progress, CancellationToken ct)
    {
        var done = new StepRow(progress.Done.Name, progress.Done.Status, progress.Done.At, progress.Done.Detail);
        var facts = new Dictionary<string, object>();
        if (progress.MetaBusinessId is { } business)
        {
            facts["business_id"] = business;
        }

        if (progress.Coexistence is { } coexistence)
        {
            facts["coexistence"] = coexistence;
        }

        var over = progress.Next == SignupProcess.Completed;
        return ChangeAsync(signup, """
            status = $4, step = $5, waiting_for = NULL, error_code = NULL, error = NULL, attempts = 0, due_at = $6,
            done = done || $7::jsonb,
            facts = facts || $8::jsonb, account_id = coalesce($9, account_id), token = coalesce($10, token), pin = coalesce($11, pin),
            code = CASE WHEN $10::text IS NULL THEN code END
            """, ct, over ? "completed" : "running", progress.Next, over ? DBNull.Value : (object)(clock.GetUtcNow() + Lease).UtcDateTime,
            JsonSerializer.Serialize(new[] { done }, Json), JsonSerializer.Serialize(facts, Json), Id(progress.AccountId),
            Text(progress.Token is null ? null : secrets.Seal(progress.Token)),
            Text(progress.Pin is null ? null : secrets.Seal(progress.Pin)));
    }

    public Task<bool> WaitAsync(OpenSignup signup, SignupWait wait, CancellationToken ct) => ChangeAsync(signup, """
        status = 'waiting', waiting_for = $4, error_code = $5, error = $6, due_at = $7, attempts = attempts + 1,
        code = CASE WHEN $4 = 'code' THEN NULL ELSE code END
        """, ct, wait.For, Text(wait.Code), Domain.Common.Text.Cut(Domain.Common.Text.Storable(wait.Error), 500),
        wait.Until is { } until ? until.UtcDateTime : DBNull.Value);

    public async Task<(Guid AccountId, string Done)> KeepAccountAsync(OpenSignup signup, NumberStanding standing, CancellationToken ct)
    {
        var phone = E164.OfDisplay(standing.DisplayPhoneNumber)
            ?? throw new MetaRefused(null, "Meta shows the number as something that is no telephone number.", retryable: false);
        var home = await shards.OfAsync(signup.OrganizationId, ct);
        await using var own = await home.BeginAsync(signup.OrganizationId, ct);
        var known = await own.QueryAsync("""
            SELECT id, phone_number_id, meta_waba_id FROM whatsapp_accounts
             WHERE organization_id = $1 AND (phone_number_id = $2 OR phone_number = $3)
             ORDER BY phone_number_id = $2 DESC, id LIMIT 1 FOR UPDATE
            """, r => (Id: r.GetGuid(0), PhoneNumberId: r.GetString(1), WabaId: r.GetString(2)), ct, signup.OrganizationId,
            signup.View.PhoneNumberId, phone);
        var credentials = JsonSerializer.Serialize(new { access_token = secrets.Seal(signup.Token!), pin = secrets.Seal(signup.Pin!) });
        var (id, done) = known is [var found] ? (found.Id, found.PhoneNumberId == signup.View.PhoneNumberId
            && found.WabaId == signup.View.WabaId ? "The account was there, and has the new token."
            : $"The account moved here from the WABA {found.WabaId}: it keeps its conversations.") : (Uuid.New(), "The account is made.");
        if (known.Count == 0)
        {
            await entitlements.RequireRoomAsync(own, signup.OrganizationId, PlanFeatures.Numbers, ct);
        }

        await own.ExecuteAsync("""
            INSERT INTO whatsapp_accounts AS a (id, organization_id, phone_number_id, phone_number, display_name, meta_waba_id,
                messaging_limit,
              messages_per_second_max, credentials, coexistence, name_status)
            VALUES ($1, $2, $3, $4, $5, $6, 250, $7, $8::jsonb, $9, $10)
            ON CONFLICT (id) DO UPDATE SET phone_number_id = excluded.phone_number_id, phone_number = excluded.phone_number,
              meta_waba_id = excluded.meta_waba_id, messages_per_second_max = excluded.messages_per_second_max,
              credentials = excluded.credentials, coexistence = excluded.coexistence, name_status = excluded.name_status,
              status = CASE WHEN (a.phone_number_id, a.meta_waba_id) = (excluded.phone_number_id, excluded.meta_waba_id) THEN a.status
                       ELSE 'PENDING' END, updated_at = now(), row_version = a.row_version + 1
            """, ct, id, signup.OrganizationId, signup.View.PhoneNumberId, phone,
            standing.VerifiedName.Length > 0 ? standing.VerifiedName : phone, signup.View.WabaId, standing.MessagesPerSecondMax,
            credentials,
            standing.Coexistence, Text(standing.NameStatus));
        await audit.NoteAsync(own, home, signup.OrganizationId, known.Count == 0 ? "account.created" : "account.changed", "account", id,
            known.Count == 0 ? null : ["credentials", "phone_number_id", "meta_waba_id"], ct);
        await own.CommitAsync(ct);
        return (id, done);
    }

    public async Task KeepPortfolioAsync(OpenSignup signup, WabaFacts facts, CancellationToken ct)
    {
        var home = await shards.OfAsync(signup.OrganizationId, ct);
        await using var own = await home.BeginAsync(signup.OrganizationId, ct);
        await own.ExecuteAsync("""
            UPDATE whatsapp_accounts SET business_id = coalesce($3, business_id), review_status = coalesce($4, review_status),
                updated_at = now(),
              row_version = row_version + 1 WHERE organization_id = $1 AND id = $2
            """, ct, signup.OrganizationId, signup.View.AccountId!, Text(facts.BusinessId), Text(facts.ReviewStatus));
        await own.ExecuteAsync("""
            UPDATE organizations SET meta_business_id = $2, updated_at = now(), row_version = row_version + 1
             WHERE id = $1 AND meta_business_id IS NULL AND $2::text IS NOT NULL
            """, ct, signup.OrganizationId, Text(facts.BusinessId));
        await own.CommitAsync(ct);
    }

    public async Task<DateTimeOffset?> CountRegistrationAsync(OpenSignup signup, CancellationToken ct)
    {
        var home = await shards.OfAsync(signup.OrganizationId, ct);
        await using var own = await home.BeginAsync(signup.OrganizationId, ct);
        var now = clock.GetUtcNow();
        await own.ExecuteAsync("DELETE FROM bsp.number_registrations WHERE organization_id = $1 AND phone_number_id = $2 AND at <= $3", ct,
            signup.OrganizationId, signup.View.PhoneNumberId, (now - RegistrationsIn).UtcDateTime);
        var made = await own.QueryAsync(
            "SELECT at FROM bsp.number_registrations WHERE organization_id = $1 AND phone_number_id = $2 ORDER BY at LIMIT $3",
            r => r.GetFieldValue<DateTimeOffset>(0), ct, signup.OrganizationId, signup.View.PhoneNumberId, RegistrationsMax);
        if (made.Count < RegistrationsMax)
        {
            await own.ExecuteAsync("INSERT INTO bsp.number_registrations (organization_id, phone_number_id, at) VALUES ($1, $2, $3)", ct,
                signup.OrganizationId, signup.View.PhoneNumberId, now.UtcDateTime);
        }

        await own.CommitAsync(ct);
        return made.Count < RegistrationsMax ? null : made[0] + RegistrationsIn;
    }

    private async Task<bool> ChangeAsync(OpenSignup signup, string set, CancellationToken ct, params object?[] arguments)
    {
        var home = await shards.OfAsync(signup.OrganizationId, ct);
        await using var own = await home.BeginAsync(signup.OrganizationId, ct);
        var changed = await own.ExecuteAsync($"""
            UPDATE bsp.signups SET {set}, updated_at = now(), row_version = row_version + 1
             WHERE organization_id = $1 AND id = $2 AND row_version = $3
            """, ct, [signup.OrganizationId, signup.View.Id, signup.View.Version, .. arguments]);
        await own.CommitAsync(ct);
        return changed == 1;
    }

    private OpenSignup Read(NpgsqlDataReader r, Guid organizationId)
    {
        var steps = JsonSerializer.Deserialize<StepRow[]>(r.GetString(12), Json)!;
        var view = new SignupView(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetString(4), r.TextOrNull(5),
            r.TextOrNull(6), r.TextOrNull(7), r.GetString(3) == "waiting" ? r.TimeOrNull(8) : null, r.IsDBNull(9) ? null : r.GetGuid(9),
            r.TextOrNull(10), r.IsDBNull(11) ? null : r.GetBoolean(11),
            [.. steps.Select(s => new SignupStep(s.Name, s.Status, s.At, s.Detail))],
            r.GetFieldValue<DateTimeOffset>(13), r.GetFieldValue<DateTimeOffset>(14), r.GetInt64(15));
        string? Opened(int column) => r.IsDBNull(column) ? null : secrets.Open(r.GetString(column));
        return new(view, organizationId, Opened(16), Opened(17), Opened(18), r.GetInt32(19));
    }

    private static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };

    private static NpgsqlParameter Id(Guid? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid, Value = (object?)value ?? DBNull.Value };
}
