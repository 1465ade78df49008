using Bsp.Infrastructure.Auth.Unicode;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Auth;

/// <summary>One keyboard types é as one character, another as two: it is one password, also over the wire.</summary>
public sealed class PasswordFormTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task A_password_set_in_one_form_signs_in_in_the_other()
    {
        var organization = await app.NewOrganizationAsync();
        foreach (var (set, typed) in new[] { ("Zürich-Genève-12", CanonicalForm.Decomposed("Zürich-Genève-12")),
            (CanonicalForm.Decomposed("Zürich-Genève-13"), "Zürich-Genève-13") })
        {
            var email = $"{Guid.NewGuid():N}@example.com";
            await AppFixture.CreatedAsync(organization.Admin, "/v1/users", new { email, role = "agent", password = set });
            await app.SignInAsync(email, typed);
            await app.SignInAsync(email, set);
        }
    }
}
