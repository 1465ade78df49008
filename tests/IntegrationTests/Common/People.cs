namespace Bsp.IntegrationTests.Common;

/// <summary>Somebody signed in.</summary>
public sealed record Person(Guid Id, string Email, string Password, string Token, HttpClient Client);

/// <summary>People, made and signed in over HTTP.</summary>
public static class People
{
    public const string Password = "correct horse battery";

    public static string NewEmail() => $"{Guid.NewGuid():N}@example.com";

    /// <param name="maker">An admin of the organization, or the platform acting for it.</param>
    public static async Task<Person> NewPersonAsync(this AppFixture app, HttpClient maker, string role, string? email = null)
    {
        email ??= NewEmail();
        var user = await AppFixture.CreatedAsync(maker, "/v1/users", new { email, role, password = Password });
        var token = await app.SignInAsync(email, Password);
        return new(user.GetProperty("id").GetGuid(), email, Password, token, app.Client(token));
    }

    /// <summary>The token.</summary>
    public static async Task<string> SignInAsync(this AppFixture app, string email, string password)
    {
        var answer = await app.Anonymous.SendAsync("POST", "/v1/auth/login", new { email, password });
        answer.Status.ShouldBe(200, answer.Text);
        return answer["token"].GetString()!;
    }
}
