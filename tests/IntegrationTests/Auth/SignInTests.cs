using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Infrastructure.Auth;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.Queue;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Auth;

/// <summary>
/// Attempts to sign in are counted in windows of three seconds, so that a test can wait for the end of one; Redis is its own and may be
/// wiped.
/// </summary>
public sealed class ShortWindowApp(StoresFixture stores) : EndToEndApp(stores)
{
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(3);

    protected override IEnumerable<(string Name, string? Value)> Settings =>
        [.. base.Settings, ("Bsp:Login:WindowSeconds", $"{Window.TotalSeconds}")];
}

public sealed class SignInTests(ShortWindowApp app) : IClassFixture<ShortWindowApp>
{
    [Fact]
    public async Task A_hundred_wrong_passwords_at_once_are_clear_problems_and_the_right_one_works_afterwards()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var trying = System.Diagnostics.Stopwatch.StartNew();
        var answers =
            await Task.WhenAll(Enumerable.Range(0, 100)
                .Select(i =>
                    app.Anonymous.SendAsync("POST", "/v1/auth/login", new { email = ann.Email, password = $"wrong password {i}" })));
        foreach (var answer in answers)
        {
            answer.ShouldBeProblem(answer.Status == 401 ? 401 : 429, answer.Status == 401 ? "login.invalid" : "login.throttled");
        }

        answers.Where(a => a.Status == 429)
            .ShouldAllBe(a => int.Parse(a.Header("Retry-After")!) >= 1 && int.Parse(a.Header("Retry-After")!) <= 3);
        var windows = 2 + (int)(trying.Elapsed / ShortWindowApp.Window); // a slow machine may see several
        answers.Count(a => a.Status == 401).ShouldBeInRange(1, windows * LoginGate.PerPairMax);
        (await app.Anonymous.SendAsync("GET", "/v1/plans")).Status.ShouldBe(401);
        (await ann.Client.SendAsync("GET", "/v1/me")).Status.ShouldBe(200); // who is in stays in
        await Patience.UntilAsync(() =>
            app.Anonymous.SendAsync("POST", "/v1/auth/login", new { email = ann.Email, password = ann.Password }), a =>
                a.Status == 200, "the right password works");
    }

    [Fact]
    public async Task Strangers_who_try_without_end_do_not_lock_the_owner_out_at_his_usual_address()
    {
        var gate = new LoginGate((Shards)app.Services.GetService(typeof(Shards))!,
            (BspOptions)app.Services.GetService(typeof(BspOptions))!, new Standing()); // no window ends meanwhile
        var email = People.NewEmail();
        var home = await gate.EnterAsync(email, "192.0.2.1", default);
        await gate.SucceededAsync(home, default);
        var refused = 0;
        for (var i = 0; i < 2 * LoginGate.PerAccountMax; i++)
        {
            try
            {
                await gate.EnterAsync(email, $"198.51.100.{i}", default); // each from another address
            }
            catch (LoginThrottled)
            {
                refused++;
            }
        }

        refused.ShouldBeGreaterThan(0);
        await gate.EnterAsync(email, "192.0.2.1", default);
    }

    [Fact]
    public async Task Five_hundred_made_up_e_mails_from_one_address_leave_few_rows_and_the_sweep_takes_them()
    {
        var clock = new MovableClock();
        var gate = new LoginGate((Shards)app.Services.GetService(typeof(Shards))!,
            (BspOptions)app.Services.GetService(typeof(BspOptions))!, clock);
        await gate.PurgeAsync(default);
        var before = await RowsAsync();
        var waits = new List<TimeSpan>();
        for (var i = 0; i < 500; i++)
        {
            try
            {
                await gate.EnterAsync(People.NewEmail(), "203.0.113.7", default);
            }
            catch (LoginThrottled many)
            {
                waits.Add(many.RetryAfter);
            }
        }

        waits.ShouldNotBeEmpty();
        waits.ShouldAllBe(w => w > TimeSpan.Zero && w <= TimeSpan.FromSeconds(3));
        (await RowsAsync() - before).ShouldBeLessThanOrEqualTo(1 + (2 * (500 - waits.Count))); // none for those beyond the address's limit
        clock.Advance(TimeSpan.FromSeconds(4));
        await gate.PurgeAsync(default);
        (await RowsAsync()).ShouldBeLessThanOrEqualTo(before);
    }

    private sealed class Standing : TimeProvider
    {
        private readonly DateTimeOffset now = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => now;
    }

    private async Task<long> RowsAsync()
    {
        await using var command = app.Admin.CreateCommand("SELECT count(*) FROM bsp.login_attempts");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    [Fact]
    public async Task An_unknown_e_mail_looks_like_a_wrong_password()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var wrong = await app.Anonymous.SendAsync("POST", "/v1/auth/login", new { email = ann.Email, password = "a wrong password" });
        var unknown =
            await app.Anonymous.SendAsync("POST", "/v1/auth/login", new { email = People.NewEmail(), password = "a wrong password" });
        var without =
            await app.Anonymous.SendAsync("POST", "/v1/auth/login",
                new { email =
                    (await AppFixture.CreatedAsync(organization.Admin, "/v1/users", new { email = People.NewEmail(), role = "agent" }))
                    .GetProperty("email").GetString(), password = "a wrong password" });
        foreach (var answer in new[] { wrong, unknown, without })
        {
            answer.ShouldBeProblem(401, "login.invalid");
            (answer["detail"].GetString(), answer["title"].GetString()).ShouldBe((wrong["detail"].GetString(), wrong["title"].GetString()));
            answer.Headers.Select(h => h.Key).Order().ShouldBe(wrong.Headers.Select(h => h.Key).Order());
        }
    }

    [Fact]
    public async Task A_session_ends_by_logging_out_and_all_of_them_by_logging_out_everywhere()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var other = app.Client(await app.SignInAsync(ann.Email, ann.Password));
        var third = app.Client(await app.SignInAsync(ann.Email, ann.Password));
        (await ann.Client.SendAsync("POST", "/v1/auth/logout")).Status.ShouldBe(204);
        (await ann.Client.SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        (await other.SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
        (await other.SendAsync("POST", "/v1/auth/logout-all")).Status.ShouldBe(204);
        (await other.SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        (await third.SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        (await organization.Admin.SendAsync("POST", "/v1/auth/logout")).ShouldBeProblem(409, "session.missing");
        (await app.Client("ses_" + new string('A', 43)).SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
    }

    [Fact]
    public async Task The_token_is_stored_nowhere_and_Redis_holds_the_specifications_hash()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        await using var redis = await ConnectionMultiplexer.ConnectAsync(app.Redis);
        var key = $"session:{SecretToken.HashOf(ann.Token)}";
        var fields = (await redis.GetDatabase().HashGetAllAsync(key)).ToDictionary(f => f.Name.ToString(), f => f.Value.ToString());
        (fields["user_id"], fields["organization_id"]).ShouldBe((ann.Id.ToString(), organization.Id.ToString()));
        DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(fields["expires_at"]))
            .ShouldBe(DateTimeOffset.UtcNow.AddHours(24), TimeSpan.FromMinutes(5));
        (await redis.GetDatabase().KeyExistsAsync($"session:{ann.Token}")).ShouldBeFalse();

        await app.Views.WipeRedisAsync();
        (await ann.Client.SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
        await Patience.UntilAsync(async () =>
        {
            await ann.Client.SendAsync("GET", "/v1/me");
            return await redis.GetDatabase().KeyExistsAsync(key);
        }, there => there, "the copy is put back");
        (await ann.Client.SendAsync("POST", "/v1/auth/logout")).Status.ShouldBe(204);
        (await redis.GetDatabase().KeyExistsAsync(key)).ShouldBeFalse();
    }

    [Fact]
    public async Task A_changed_password_ends_the_other_sessions_and_keeps_this_one()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var other = app.Client(await app.SignInAsync(ann.Email, ann.Password));
        (await ann.Client.SendAsync("POST", "/v1/auth/password",
            new { current_password = "something else", new_password = "another long password" })).ShouldBeProblem(401, "login.invalid");
        (await ann.Client.SendAsync("POST", "/v1/auth/password", new { current_password = ann.Password, new_password = "short" }))
            .ShouldBeProblem(400, "request.invalid");
        (await ann.Client.SendAsync("POST", "/v1/auth/password",
            new { current_password = ann.Password, new_password = "another long password" })).Status.ShouldBe(204);
        (await ann.Client.SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
        (await other.SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        (await app.Anonymous.SendAsync("POST", "/v1/auth/login", new { email = ann.Email, password = ann.Password }))
            .ShouldBeProblem(401, "login.invalid");
        await app.SignInAsync(ann.Email, "another long password");
    }

    [Fact]
    public async Task A_weaker_hash_is_replaced_when_its_owner_signs_in()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var weak = new PasswordHasher<object>(Options.Create(new PasswordHasherOptions { IterationCount = 10_000 }))
            .HashPassword(ann, ann.Password);
        await SqlAsync("UPDATE users SET password_hash = $2 WHERE id = $1 RETURNING password_hash", ann.Id, weak);
        var tokens = await Task.WhenAll(app.SignInAsync(ann.Email, ann.Password), app.SignInAsync(ann.Email, ann.Password));
        tokens.Distinct().Count().ShouldBe(2);
        var strong = await SqlAsync("SELECT password_hash FROM users WHERE id = $1", ann.Id);
        strong.ShouldNotBe(weak);
        strong.ShouldNotContain(ann.Password);
        await app.SignInAsync(ann.Email, ann.Password);
        (await SqlAsync("SELECT password_hash FROM users WHERE id = $1", ann.Id)).ShouldBe(strong);
    }

    [Theory]
    [InlineData("""{"email":"","password":"x"}""", "email")]
    [InlineData("""{"email":"a@example.com","password":""}""", "password")]
    public async Task A_malformed_sign_in_is_refused(string body, string field) =>
        (await app.Anonymous.SendAsync("POST", "/v1/auth/login", body)).ShouldBeProblem(400, "request.invalid")["errors"]
        .TryGetProperty(field, out _).ShouldBeTrue();

    private async Task<string> SqlAsync(string sql, params object[] arguments) => await app.Views.ScalarAsync(sql, arguments);
}
