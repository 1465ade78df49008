using Bsp.IntegrationTests.Common;
using OtpNet;

namespace Bsp.IntegrationTests.WebConsole;

// The second factor. Codes are computed as an app computes them; a code of the step to come is taken too, so that no test waits for one.
public sealed partial class ConsoleTests
{
    [Fact]
    public async Task With_a_second_factor_a_password_alone_signs_nobody_in_and_no_code_is_taken_twice()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var (browser, elsewhere) = (await Browser.SignedInAsync(app, ann), await Browser.SignedInAsync(app, ann));
        (await browser.SendAsync("POST", "/v1/auth/second-factor", new { password = "another password" }))
            .ShouldBeProblem(401, "login.invalid");
        var (secret, recovery) = await EnrolledAsync(browser, ann);
        (await elsewhere.GetAsync("/v1/me")).ShouldBeProblem(401, "access.unauthenticated"); // whoever was in before the second factor
        (await browser.GetAsync("/v1/auth/session"))["second_factor"].GetProperty("enabled").GetBoolean().ShouldBeTrue();

        var challenge = await ChallengeAsync(ann);
        (await app.Client(challenge).SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        var code = CodeOf(secret, DateTime.UtcNow.AddSeconds(30));
        var many = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => FurtherAsync(challenge, new { challenge, code })));
        many.Count(a => a.Status == 200).ShouldBe(1, many.First(a => a.Status != 200).Text);
        (await app.Client(many.Single(a => a.Status == 200)["token"].GetString()).SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
        challenge = await ChallengeAsync(ann);
        (await FurtherAsync(challenge, new { challenge, code })).ShouldBeProblem(401, "auth.second_factor_wrong"); // seen over a shoulder
        (await FurtherAsync(challenge, new { challenge })).ShouldBeProblem(400, "request.invalid");

        var typed = recovery[0].ToUpperInvariant().Replace('-', ' ');
        (await FurtherAsync(challenge, new { challenge, recovery_code = typed })).Status.ShouldBe(200);
        (await FurtherAsync(challenge, new { challenge, recovery_code = recovery[1] })).ShouldBeProblem(401, "auth.challenge_unknown");
        (await PatientlyAsync(() => app.Client(null).SendAsync("POST", "/v1/auth/login",
            new { email = ann.Email, password = ann.Password, recovery_code = typed }))).ShouldBeProblem(401, "auth.second_factor_wrong");
        (await browser.GetAsync("/v1/auth/second-factor"))["recovery_codes_left"].GetInt32().ShouldBe(9);
        (await PatientlyAsync(() => browser.SendAsync("POST", "/v1/auth/second-factor/disable", new { password = ann.Password })))
            .Status.ShouldBe(204);
        await app.SignInAsync(ann.Email, ann.Password);
    }

    [Fact]
    public async Task Guessing_ends_after_five_codes_of_a_challenge_and_after_ten_in_a_row_for_a_quarter_of_an_hour()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var (_, recovery) = await EnrolledAsync(await Browser.SignedInAsync(app, ann), ann);
        var challenge = await ChallengeAsync(ann);
        for (var i = 0; i < 5; i++)
        {
            (await FurtherAsync(challenge, new { challenge, recovery_code = $"aaaa-aaaa-aaaa-aaa{i + 2}" })).Status.ShouldBeOneOf(401, 429);
        }

        (await FurtherAsync(challenge, new { challenge, recovery_code = recovery[0] })).ShouldBeProblem(401, "auth.challenge_unknown");
        await app.AdminAsync<int>("UPDATE bsp.directory_second_factors SET failures = 9 WHERE user_id = $1 RETURNING failures", ann.Id);
        challenge = await ChallengeAsync(ann);
        (await FurtherAsync(challenge, new { challenge, recovery_code = "wrong" })).ShouldBeProblem(401, "auth.second_factor_wrong");
        challenge = await ChallengeAsync(ann);
        var locked = await FurtherOnceAsync(new { challenge, recovery_code = recovery[0] });
        locked.ShouldBeProblem(429, "login.throttled");
        await app.AdminAsync<int>(
            "UPDATE bsp.directory_second_factors SET locked_until = now() WHERE user_id = $1 RETURNING failures", ann.Id);
        (await FurtherAsync(challenge, new { challenge, recovery_code = recovery[0] })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Where_one_is_required_nothing_works_before_it_is_made_and_who_lost_theirs_makes_another()
    {
        var organization = await app.NewOrganizationAsync();
        var (ann, bob) = (await app.NewPersonAsync(organization.Admin, "agent"), await app.NewPersonAsync(organization.Admin, "admin"));
        var browser = await Browser.SignedInAsync(app, ann);
        (await organization.Admin.SendAsync("PUT", "/v1/auth/second-factor/policy", new { roles = new[] { "boss" } }))
            .ShouldBeProblem(400, "request.invalid");
        (await organization.Admin.SendAsync("PUT", "/v1/auth/second-factor/policy", new { roles = new[] { "agent" } }))
            .Status.ShouldBe(200);
        foreach (var client in new[] { browser.Http, ann.Client })
        {
            (await client.SendAsync("GET", "/v1/conversations")).ShouldBeProblem(403, "auth.second_factor_enrol");
        }

        (await bob.Client.SendAsync("GET", "/v1/users")).Status.ShouldBe(200); // not of admins
        (await browser.GetAsync("/v1/auth/session"))["second_factor"].GetProperty("must_enrol").GetBoolean().ShouldBeTrue();
        await EnrolledAsync(browser, ann);
        (await browser.GetAsync("/v1/conversations")).Status.ShouldBe(200);
        (await PatientlyAsync(() => browser.SendAsync("POST", "/v1/auth/second-factor/disable", new { password = ann.Password })))
            .ShouldBeProblem(409, "auth.second_factor_needed");

        (await bob.Client.SendAsync("DELETE", $"/v1/users/{bob.Id}/second-factor")).ShouldBeProblem(409, "auth.second_factor_own");
        (await bob.Client.SendAsync("DELETE", $"/v1/users/{ann.Id}/second-factor")).Status.ShouldBe(204);
        (await browser.GetAsync("/v1/conversations")).ShouldBeProblem(401, "access.unauthenticated");
        var again = await PatientlyAsync(() => app.Client(null).SendAsync("POST", "/v1/auth/login",
            new { email = ann.Email, password = ann.Password, cookie = true }));
        again["second_factor"].GetProperty("must_enrol").GetBoolean().ShouldBeTrue();
        var acts = (await organization.Admin.SendAsync("GET", "/v1/audit-trail?limit=200"))["data"].EnumerateArray()
            .Select(a => a.GetProperty("type").GetString()).ToList();
        acts.ShouldContain("organization.second_factor_required");
        acts.ShouldContain("user.second_factor_enabled");
        acts.ShouldContain("user.second_factor_removed");
    }

    [Fact]
    public async Task A_new_password_ends_what_waits_for_a_code()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var browser = await Browser.SignedInAsync(app, ann);
        var (_, recovery) = await EnrolledAsync(browser, ann);
        var challenge = await ChallengeAsync(ann);
        (await PatientlyAsync(() => browser.SendAsync("POST", "/v1/auth/password",
            new { current_password = ann.Password, new_password = "a brand new password" }))).Status.ShouldBe(204);
        (await FurtherAsync(challenge, new { challenge, recovery_code = recovery[0] })).ShouldBeProblem(401, "auth.challenge_unknown");
    }

    private static string CodeOf(string secret, DateTime at) => new Totp(Base32Encoding.ToBytes(secret)).ComputeTotp(at);

    private static async Task<(string Secret, IReadOnlyList<string> Recovery)> EnrolledAsync(Browser browser, Person person)
    {
        var made = await PatientlyAsync(() => browser.SendAsync("POST", "/v1/auth/second-factor", new { password = person.Password }));
        made.Status.ShouldBe(201, made.Text);
        var secret = made["secret"].GetString()!;
        made["uri"].GetString().ShouldNotBeNull().ShouldStartWith("otpauth://totp/");
        made["qr"].EnumerateArray().Select(row => row.GetString()!).ShouldAllBe(row => row.Length == made["qr"].GetArrayLength()
            && row.All(c => c == '0' || c == '1'));
        (await browser.SendAsync("POST", "/v1/auth/second-factor/confirm", new { code = "abcdef" }))
            .ShouldBeProblem(401, "auth.second_factor_wrong");
        var confirmed = await browser.SendAsync("POST", "/v1/auth/second-factor/confirm", new { code = CodeOf(secret, DateTime.UtcNow) });
        confirmed.Status.ShouldBe(200, confirmed.Text);
        return (secret, [.. confirmed["recovery_codes"].EnumerateArray().Select(c => c.GetString()!)]);
    }

    private async Task<string> ChallengeAsync(Person person)
    {
        var asked = await PatientlyAsync(() => app.Client(null).SendAsync("POST", "/v1/auth/login",
            new { email = person.Email, password = person.Password, cookie = true }));
        asked.ShouldBeProblem(401, "auth.second_factor_required");
        asked.Header("Set-Cookie").ShouldBeNull();
        return asked["challenge"].GetString()!;
    }

    // Attempts are counted in windows of a second; each also counts for its challenge, so that one that was throttled is taken up anew.
    private Task<Answer> FurtherAsync(string challenge, object body) => PatientlyAsync(async () =>
    {
        var answer = await FurtherOnceAsync(body);
        if (answer.Status == 429)
        {
            await app.AdminAsync<int>("""
                WITH one AS (UPDATE bsp.directory_challenges SET attempts = greatest(attempts - 1, 0) WHERE token_hash = $1 RETURNING 1)
                SELECT count(*)::int FROM one
                """, Application.Auth.SecretToken.HashOf(challenge));
        }

        return answer;
    });

    private Task<Answer> FurtherOnceAsync(object body) => app.Client(null).SendAsync("POST", "/v1/auth/login/second-factor", body);

    private static Task<Answer> PatientlyAsync(Func<Task<Answer>> ask) =>
        EndToEnd.Patience.UntilAsync(ask, answer => answer.Status != 429, "an attempt is looked at");
}
