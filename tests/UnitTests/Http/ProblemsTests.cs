using System.Net.Sockets;
using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using FluentValidation;
using FluentValidation.Results;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace Bsp.UnitTests.Http;

public sealed class ProblemsTests
{
    private static readonly (Exception Thrown, int Status, string Code)[] Table =
    [
        (new ValidationException([new ValidationFailure("name", "must not be empty.")]), 400, "request.invalid"),
        (new Problem(401, "access.unauthenticated", "Who?"), 401, "access.unauthenticated"),
        (new Problem(403, "access.denied", "No."), 403, "access.denied"),
        (new Refusal("campaign.unknown", "There is no such campaign."), 404, "campaign.unknown"),
        (new Refusal("campaign.not_running", "It is not running."), 409, "campaign.not_running"),
        (new Refusal("wallet.insufficient", "Top up."), 402, "wallet.insufficient"),
        (new VersionConflict(Guid.Empty, named: true), 412, "version.mismatch"),
        (new VersionConflict(Guid.Empty, named: false), 409, "version.conflict"),
        (new Problem(422, "idempotency.other_body", "Another body."), 422, "idempotency.other_body"),
        (new MetaRefused(100, "Invalid parameter", retryable: false), 502, "meta.refused"),
        (new MetaRefused(null, "no answer", retryable: true, timedOut: true), 504, "meta.timeout"),
        (new StoreUnavailable("redis"), 503, "store.unavailable"),
        (new LoginThrottled(TimeSpan.FromSeconds(2)), 429, "login.throttled"),
        (new PasswordsBusy(TimeSpan.FromSeconds(5)), 429, "request.rate_limited"),
        (new ViewBehind("campaign_counters.v1"), 504, "view.behind"),
        (new NpgsqlException("secret host", new SocketException()), 503, "store.unavailable"),
        (new PostgresException("terminating", "FATAL", "FATAL", "57P01"), 503, "store.unavailable"),
        (new PostgresException("cannot connect now", "FATAL", "FATAL", "57P03"), 503, "store.unavailable"),
        (new PostgresException("duplicate key", "ERROR", "ERROR", "23505"), 409, "resource.exists"),
        (new PostgresException("syntax error in secret table", "ERROR", "ERROR", "42601"), 500, "internal"),
        (new BadHttpRequestException("too large", 413), 413, "request.too_large"),
        (new BadHttpRequestException("json", 400, new JsonException("bad", "$.x", 0, 3)), 400, "request.invalid"),
        (new InvalidOperationException("secret"), 500, "internal"),
    ];

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Table.Length)];

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task The_bodys_status_is_the_status_line_and_nothing_internal_is_told(int row)
    {
        var (thrown, status, code) = Table[row];
        var context = new DefaultHttpContext { Response = { Body = new MemoryStream() } };
        await Problems.WriteAsync(context, Problems.From(thrown));
        context.Response.Body.Position = 0;
        var text = await new StreamReader(context.Response.Body).ReadToEndAsync();
        var body = JsonSerializer.Deserialize<JsonElement>(text);
        context.Response.StatusCode.ShouldBe(status);
        body.GetProperty("status").GetInt32().ShouldBe(status);
        body.GetProperty("code").GetString().ShouldBe(code);
        context.Response.ContentType!.ShouldStartWith("application/problem+json");
        text.ShouldNotContain("secret");
        if (status == 503)
        {
            context.Response.Headers.RetryAfter.ToString().ShouldNotBeEmpty();
        }
    }
}
