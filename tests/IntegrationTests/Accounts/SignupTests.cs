using System.Security.Cryptography;
using System.Text.Json;
using Bsp.Application.Accounts;
using Bsp.Infrastructure.Accounts;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Accounts;

/// <summary>Embedded Signup, from the code to a number that sends; refused, killed and begun again at every step.</summary>
public sealed class SignupTests(TenantApp app) : IClassFixture<TenantApp>
{
    private sealed record AtMeta(string WabaId, string PhoneNumberId, string Display);

    private AtMeta NewNumber(string? pin = null, bool registered = false, bool onBusinessApp = false)
    {
        var digits = RandomNumberGenerator.GetString("0123456789", 13);
        var number = new AtMeta("31" + digits, "32" + digits, "1555" + digits[..7]);
        app.Meta.State.AddAccount(new(number.WabaId, number.PhoneNumberId, number.Display, "Acme", AccessTokens: ["EAA-" + digits]));
        app.Meta.State.ChangeNumber(number.PhoneNumberId, pin, registered, onBusinessApp);
        return number;
    }

    private Task<Answer> BeginAsync(Tenant tenant, AtMeta number, string? pin = null, string? code = null) => tenant.Api.SendAsync("POST",
        "/v1/accounts/signup", new { code = code ?? app.Meta.State.NewSignupCode(number.WabaId), waba_id = number.WabaId,
            phone_number_id = number.PhoneNumberId, pin });

    [Fact]
    public async Task A_code_becomes_a_connected_number_with_its_templates_portfolio_and_webhooks()
    {
        using var tenant = await app.NewTenantAsync();
        var number = NewNumber();
        var begun = await BeginAsync(tenant, number);
        begun.Status.ShouldBe(202, begun.Text);
        (begun["status"].GetString(), begun["step"].GetString()).ShouldBe(("completed", "completed"), begun.Text);
        begun["steps"].EnumerateArray().Select(s => s.GetProperty("name").GetString()).ShouldBe(SignupProcess.Steps);
        var account = await tenant.Api.SendAsync("GET", $"/v1/accounts/{begun["account_id"].GetGuid()}");
        (account["status"].GetString(), account["phone_number"].GetString(), account["meta_waba_id"].GetString(),
            account["coexistence"].GetBoolean()).ShouldBe(("CONNECTED", "+" + number.Display, number.WabaId, false));
        account["meta_business_id"].GetString().ShouldBe(begun["meta_business_id"].GetString());
        app.Meta.State.RegisterCalls(number.PhoneNumberId).ShouldBe(1);
        begun.Text.ShouldNotContain("EAA");
        (await tenant.Api.SendAsync("GET", $"/v1/signups/{begun["id"].GetGuid()}"))["status"].GetString().ShouldBe("completed");
        (await tenant.Api.SendAsync("GET", "/v1/signups"))["data"].GetArrayLength().ShouldBe(1);
        (await tenant.Api.SendAsync("POST", $"/v1/signups/{begun["id"].GetGuid()}/resume", new { }))
            .ShouldBeProblem(409, "signup.completed");

        // It sends with the business's own token.
        var sent = await tenant.Api.SendAsync("POST", "/v1/messages", new { account_id = begun["account_id"].GetGuid(),
            to = "+919871245001",
            type = "template", template = new { name = "none", language = new { code = "en" } } });
        sent.ShouldBeProblem(404, "template.unknown");
    }

    [Fact]
    public async Task A_wrong_code_a_wrong_PIN_and_a_plan_are_waited_for_and_then_it_goes_on_where_it_was()
    {
        using var tenant = await app.NewTenantAsync();
        var number = NewNumber(pin: "123456");
        var begun = await BeginAsync(tenant, number, code: "AQ-used-already");
        (begun["status"].GetString(), begun["step"].GetString(), begun["waiting_for"].GetString()).ShouldBe(("waiting", "token", "code"));
        begun.Text.ShouldNotContain("AQ-used-already");
        var id = begun["id"].GetGuid();
        var resumed = await tenant.Api.SendAsync("POST", $"/v1/signups/{id}/resume",
            new { code = app.Meta.State.NewSignupCode(number.WabaId) });
        (resumed["status"].GetString(), resumed["step"].GetString(), resumed["waiting_for"].GetString(), resumed["error_code"].GetString())
            .ShouldBe(("waiting", "registration", "pin", "meta.133005"), resumed.Text);
        var done = await tenant.Api.SendAsync("POST", $"/v1/signups/{id}/resume", new { pin = "123456" });
        done["status"].GetString().ShouldBe("completed", done.Text);
        app.Meta.State.RegisterCalls(number.PhoneNumberId).ShouldBe(2);
        (await BeginAsync(tenant, number, pin: "12345")).ShouldBeProblem(400, "request.invalid");
    }

    [Fact]
    public async Task Registrations_stop_before_Metas_tenth_in_72_hours_and_say_when_they_go_on()
    {
        using var tenant = await app.NewTenantAsync();
        var number = NewNumber(pin: "654321");
        var begun = await BeginAsync(tenant, number, pin: "000000");
        for (var i = 0; i < 12; i++)
        {
            begun = await tenant.Api.SendAsync("POST", $"/v1/signups/{begun["id"].GetGuid()}/resume",
                new { pin = $"00000{i % 10}" });
        }

        (begun["waiting_for"].GetString(), begun["error_code"].GetString()).ShouldBe(("time", "signup.registrations"), begun.Text);
        begun["next_at"].GetDateTimeOffset().ShouldBeGreaterThan(DateTimeOffset.UtcNow.AddHours(71));
        app.Meta.State.RegisterCalls(number.PhoneNumberId).ShouldBe(10);
    }

    [Theory]
    [InlineData("proof")]
    [InlineData("account")]
    [InlineData("registration")]
    [InlineData("connection")]
    [InlineData("templates")]
    public async Task Killed_after_any_step_it_is_carried_on_by_the_next_process(string step)
    {
        using var tenant = await app.NewTenantAsync();
        var number = NewNumber();
        var begun = await BeginAsync(tenant, number);
        begun["status"].GetString().ShouldBe("completed", begun.Text);

        // As a process leaves it that was killed in this step: its lease over, nothing of the step written.
        await app.AdminAsync("""
            UPDATE bsp.signups SET status = 'running', step = $2, due_at = now() - interval '1 second',
              done = (SELECT coalesce(jsonb_agg(d ORDER BY n), '[]') FROM jsonb_array_elements(done) WITH ORDINALITY e (d, n) WHERE n <= $3)
             WHERE id = $1
            """, begun["id"].GetGuid(), step, SignupProcess.Steps.ToList().IndexOf(step));
        await app.Services.GetRequiredService<SignupWorker>().RoundAsync(app.Services.GetRequiredService<Shards>().All[0],
            CancellationToken.None);
        var after = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/signups/{begun["id"].GetGuid()}"),
            s => s["status"].GetString() == "completed", "it is carried on");
        after["steps"].GetArrayLength().ShouldBe(SignupProcess.Steps.Count);
        after["account_id"].GetGuid().ShouldBe(begun["account_id"].GetGuid());
        (await tenant.AllAsync("/v1/accounts")).Count(a => a.GetProperty("phone_number_id").GetString() == number.PhoneNumberId)
            .ShouldBe(1);
    }

    [Fact]
    public async Task A_number_on_the_business_app_is_not_registered_again_and_sends_twenty_a_second()
    {
        using var tenant = await app.NewTenantAsync();
        var number = NewNumber(registered: true, onBusinessApp: true);
        var begun = await BeginAsync(tenant, number);
        begun["status"].GetString().ShouldBe("completed", begun.Text);
        begun["steps"].EnumerateArray().Single(s => s.GetProperty("name").GetString() == "registration").GetProperty("status").GetString()
            .ShouldBe("skipped");
        var account = await tenant.Api.SendAsync("GET", $"/v1/accounts/{begun["account_id"].GetGuid()}");
        (account["coexistence"].GetBoolean(), account["messages_per_second_max"].GetInt32()).ShouldBe((true, 20));
        app.Meta.State.RegisterCalls(number.PhoneNumberId).ShouldBe(0);
    }

    [Fact]
    public async Task A_number_that_moves_to_another_WABA_keeps_its_account()
    {
        using var tenant = await app.NewTenantAsync();
        var number = NewNumber();
        var first = await BeginAsync(tenant, number);
        var moved = NewNumber() with { Display = number.Display };
        app.Meta.State.AddAccount(new(moved.WabaId, moved.PhoneNumberId, moved.Display));
        var second = await BeginAsync(tenant, moved);
        second["status"].GetString().ShouldBe("completed", second.Text);
        second["account_id"].GetGuid().ShouldBe(first["account_id"].GetGuid());
        var account = await tenant.Api.SendAsync("GET", $"/v1/accounts/{first["account_id"].GetGuid()}");
        (account["status"].GetString(), account["meta_waba_id"].GetString(), account["phone_number_id"].GetString())
            .ShouldBe(("CONNECTED", moved.WabaId, moved.PhoneNumberId));
    }

    [Fact]
    public async Task Two_that_begin_at_once_carry_one_signup_and_make_one_account()
    {
        using var tenant = await app.NewTenantAsync();
        var number = NewNumber();
        var begun = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => BeginAsync(tenant, number)));
        begun.ShouldAllBe(b => b.Status == 202);
        await Patience.UntilAsync(() => tenant.AllAsync("/v1/signups"), all =>
            all.All(s => s.GetProperty("status").GetString() == "completed" || s.GetProperty("waiting_for").GetString() == "code"),
            "nothing is under way");
        (await tenant.AllAsync("/v1/accounts")).Count(a => a.GetProperty("phone_number_id").GetString() == number.PhoneNumberId)
            .ShouldBe(1);
    }
}
