using Bsp.Application.Users;
using Bsp.Domain.Common;
using Bsp.Domain.Users;

namespace Bsp.UnitTests.Users;

public sealed class RolesTests
{
    [Fact]
    public void Each_role_reaches_itself_and_those_below_and_none_above()
    {
        for (var actor = 0; actor < Roles.All.Count; actor++)
        {
            for (var role = 0; role < Roles.All.Count; role++)
            {
                var (a, r) = (Roles.All[actor], Roles.All[role]);
                if (role <= actor)
                {
                    Roles.RequireReach(a, r);
                }
                else
                {
                    Should.Throw<Refusal>(() => Roles.RequireReach(a, "viewer", r)).Code.ShouldBe("user.role_above_own");
                }
            }
        }

        Should.Throw<ArgumentException>(() => Roles.RequireReach("root", "viewer"));
        Should.Throw<ArgumentException>(() => Roles.RequireReach("admin", "root"));
    }

    [Theory]
    [InlineData(" Ann@Example.COM ", "ann@example.com")]
    [InlineData("ÄNN@example.com", "änn@example.com")]
    public void An_e_mail_is_compared_without_its_case(string written, string stored) => UserRules.Normalize(written).ShouldBe(stored);
}
